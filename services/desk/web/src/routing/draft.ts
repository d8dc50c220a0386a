import { useSyncExternalStore } from "react";

/** The policy text that is being written; it outlives a look at other places, not the tab. Null: nothing was changed. */

const listeners = new Set<() => void>();
let current: string | null = null;

export const policyDraft = {
  get: (): string | null => current,
  set(text: string | null): void {
    current = text;
    for (const listener of listeners) listener();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function usePolicyDraft(): string | null {
  return useSyncExternalStore(policyDraft.subscribe, policyDraft.get);
}
