import { useSyncExternalStore } from "react";

/** What this browser remembers for this person; nothing about customers is ever kept here. */

export type UndoSend = "off" | "letters" | "always";

export interface Preferences {
  undoSend: UndoSend;
  sound: boolean;
  singleKeys: boolean;
}

const KEY = "payvand-preferences";
const DEFAULTS: Preferences = { undoSend: "letters", sound: true, singleKeys: true };
const listeners = new Set<() => void>();
let current: Preferences = load();

function load(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>) };
  } catch {
    return DEFAULTS;
  }
}

export const preferences = {
  get: (): Preferences => current,
  set(change: Partial<Preferences>): void {
    current = { ...current, ...change };
    try {
      localStorage.setItem(KEY, JSON.stringify(current));
    } catch {
      // A browser that keeps nothing still works until it is closed.
    }
    for (const listener of listeners) listener();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function usePreferences(): Preferences {
  return useSyncExternalStore(preferences.subscribe, preferences.get);
}
