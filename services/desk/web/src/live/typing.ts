import { useSyncExternalStore } from "react";

/** Who is typing where, forgotten after a few seconds without news. */

const LASTS = 6_000;

interface Typist {
  agentId: string;
  name: string;
}

let typists: ReadonlyMap<string, readonly Typist[]> = new Map();
const listeners = new Set<() => void>();
const timers = new Map<string, number>();
const NOBODY: readonly Typist[] = [];

function set(conversationId: string, list: readonly Typist[]): void {
  const next = new Map(typists);
  if (list.length > 0) next.set(conversationId, list);
  else next.delete(conversationId);
  typists = next;
  for (const listener of listeners) listener();
}

export function noteTyping(conversationId: string, agentId: string, name: string): void {
  const others = (typists.get(conversationId) ?? NOBODY).filter((one) => one.agentId !== agentId);
  set(conversationId, [...others, { agentId, name }]);
  const key = `${conversationId}\n${agentId}`;
  clearTimeout(timers.get(key));
  timers.set(key, window.setTimeout(() => {
    set(conversationId, (typists.get(conversationId) ?? NOBODY).filter((one) => one.agentId !== agentId));
  }, LASTS));
}

export function useTypists(conversationId: string): readonly Typist[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => typists.get(conversationId) ?? NOBODY,
  );
}
