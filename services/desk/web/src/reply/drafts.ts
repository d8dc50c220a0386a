import { useSyncExternalStore } from "react";

/** What was typed and not sent, per conversation, for as long as this tab lives. */

const drafts = new Map<string, string>();
const listeners = new Set<() => void>();

export function setDraft(key: string, text: string): void {
  if (text) drafts.set(key, text);
  else drafts.delete(key);
  for (const listener of listeners) listener();
}

export function useDraft(key: string): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => drafts.get(key) ?? "",
  );
}

export function hasDraft(key: string): boolean {
  return drafts.has(key);
}

export function anyDraft(): boolean {
  return [...drafts.values()].some((text) => text.trim() !== "");
}
