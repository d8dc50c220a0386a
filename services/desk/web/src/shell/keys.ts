import { useHotkeys } from "@mantine/hooks";

import { usePreferences } from "../app/preferences";
import { go } from "../app/route";
import type { View } from "../api/types";

/** Keys by their place on the keyboard, so that they work with a Persian or Russian layout too. */
const PHYSICAL = { usePhysicalKeys: true };
const NUMBERED: readonly View[] = ["mine", "waiting", "all", "resolved"];

type Binding = [string, (event: KeyboardEvent) => void];

/** Single keys, active only outside of text fields, and only while the person wants them (WCAG 2.1.4). */
export function useSingleKeys(bindings: Binding[], enabled = true): void {
  const { singleKeys } = usePreferences();
  const unlessDialog = (run: Binding[1]): Binding[1] => (event) => {
    if (!document.querySelector("[aria-modal='true']")) run(event);
  };
  useHotkeys(enabled && singleKeys ? bindings.map(([key, run]) => [key, unlessDialog(run), PHYSICAL]) : []);
}

export function focusById(id: string): void {
  document.getElementById(id)?.focus();
}

export function useShellKeys(openHelp: () => void): void {
  useSingleKeys([
    ["shift+Slash", openHelp],
    ["Slash", () => focusById("list-search")],
    ...NUMBERED.map((view, index): Binding => [`Digit${index + 1}`, () => go({ view, queue: null, conversation: null })]),
  ]);
}
