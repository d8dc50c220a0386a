import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const DESK = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: { outDir: "dist", assetsDir: "assets", emptyOutDir: true, sourcemap: false,
    // light-dark() must reach the browser as it is: lowered, it would not follow Mantine's switch.
    cssTarget: ["chrome123", "edge123", "firefox120", "safari17.5"], chunkSizeWarningLimit: 1200 },
  server: {
    proxy: {
      "/api": { target: DESK, ws: true, changeOrigin: true },
    },
  },
});
