import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const turquoise: MantineColorsTuple = [
  "#e8f7f5", "#cdecea", "#9fd9d5", "#6cc4be", "#43b1aa", "#239d96", "#128079", "#0b6b68", "#0a5654", "#073f3e",
];
const dark: MantineColorsTuple = [
  "#dde3e7", "#bcc6cc", "#98a5ae", "#6d7a83", "#39444b", "#2d363c", "#20282d", "#161c20", "#101518", "#0b0f12",
];

const LATIN_FIRST = "'Inter Variable', 'Vazirmatn Variable', system-ui, sans-serif";

export const theme = createTheme({
  primaryColor: "turquoise",
  primaryShade: { light: 7, dark: 6 },
  colors: { turquoise, dark },
  fontFamily: `var(--desk-font, ${LATIN_FIRST})`,
  headings: { fontFamily: `var(--desk-font, ${LATIN_FIRST})`, fontWeight: "650" },
  fontSizes: { xs: "0.75rem", sm: "0.8438rem", md: "0.9375rem", lg: "1.0625rem", xl: "1.25rem" },
  defaultRadius: "md",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 350, multiline: true, maw: 320, events: { hover: true, focus: true, touch: true } } },
    Menu: { defaultProps: { shadow: "lg" } },
    Drawer: { defaultProps: { overlayProps: { backgroundOpacity: 0.35 } } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.35 } } },
    Badge: { styles: { label: { textTransform: "none", fontWeight: 550 } } },
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#5b6770",
    "--mantine-color-placeholder": "#6b7780",
    "--desk-canvas": "#f3f5f6",
    "--desk-surface": "#ffffff",
    "--desk-hover": "#eef2f3",
    "--desk-selected": "#e3f3f1",
    "--desk-line": "#dfe4e7",
    "--desk-bubble-in": "#ffffff",
    "--desk-bubble-out": "#d9f0ed",
    "--desk-note": "#fff6d8",
    "--desk-note-line": "#ead9a0",
    "--desk-accent-text": "#0b6b68",
    "--desk-ok": "#1a7f37",
    "--desk-bad": "#c4291c",
    "--desk-warn": "#8a5a00",
  },
  dark: {
    "--mantine-color-dimmed": "#98a5ae",
    "--mantine-color-placeholder": "#8794a0",
    "--desk-canvas": "#101518",
    "--desk-surface": "#161c20",
    "--desk-hover": "#1e262b",
    "--desk-selected": "#14322f",
    "--desk-line": "#2a3339",
    "--desk-bubble-in": "#20282d",
    "--desk-bubble-out": "#123f3c",
    "--desk-note": "#352d12",
    "--desk-note-line": "#5a4c1d",
    "--desk-accent-text": "#6cc4be",
    "--desk-ok": "#56d364",
    "--desk-bad": "#ff8178",
    "--desk-warn": "#e3b341",
  },
});
