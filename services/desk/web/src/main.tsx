import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/vazirmatn/wght.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./app/global.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app/App";
import { guardThePage } from "./app/leaving";
import { Providers } from "./app/Providers";
import { startI18n } from "./i18n";

async function start(): Promise<void> {
  if (import.meta.env.MODE === "fake") (await import("../dev/fake/install")).install();
  await startI18n();
  guardThePage();
  const root = document.getElementById("root");
  if (!root) throw new Error("index.html has no #root");
  createRoot(root).render(
    <StrictMode>
      <Providers>
        <App />
      </Providers>
    </StrictMode>,
  );
}

void start();
