import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { confirmItem, dropItem, putItem } from "../api/cache";
import { call } from "../api/client";
import { newId } from "../api/id";
import { keys } from "../api/keys";
import type { Item, Me, ReplyItem } from "../api/types";
import { setDraft } from "./drafts";
import { asSent, setAttached, type Attaching } from "./uploads";

/** Replies on their way out: shown at once, held for the undo time, then sent with one idempotency key for all tries. */

export const UNDO_TIME = 5_000;
const TRIES = 4;

export interface Outgoing {
  key: string;
  conversationId: string;
  text: string;
  channel: string | null;
  attached: readonly Attaching[];
  state: "held" | "sending" | "failed";
  until: number;
  error: string;
}

let all: readonly Outgoing[] = [];
const timers = new Map<string, number>();
const listeners = new Set<() => void>();
let client: QueryClient | null = null;

function change(next: readonly Outgoing[]): void {
  all = next;
  for (const listener of listeners) listener();
}

function update(key: string, patch: Partial<Outgoing>): void {
  change(all.map((one) => (one.key === key ? { ...one, ...patch } : one)));
}

function remove(key: string): void {
  clearTimeout(timers.get(key));
  timers.delete(key);
  change(all.filter((one) => one.key !== key));
}

const localId = (key: string): string => `local:${key}`;

export interface Written {
  text: string;
  channel: string | null;
  attached: readonly Attaching[];
}

export function send(queryClient: QueryClient, conversationId: string, { text, channel, attached }: Written, hold: number): void {
  client = queryClient;
  const key = newId();
  const item: ReplyItem = {
    kind: "reply", direction: "out", item_id: localId(key), at: new Date().toISOString(), channel,
    author: queryClient.getQueryData<Me | null>(keys.me)?.name ?? "", text, delivery: null, pending: true, attachments: attached.map(asSent),
  };
  putItem(queryClient, conversationId, item);
  change([...all, { key, conversationId, text, channel, attached, state: "held", until: Date.now() + hold, error: "" }]);
  if (hold > 0) timers.set(key, window.setTimeout(() => void dispatch(key), hold));
  else void dispatch(key);
}

/** Only while it is held; afterwards the customer may have it already. */
export function undo(key: string): void {
  const one = all.find((entry) => entry.key === key);
  if (!one || one.state === "sending" || !client) return;
  remove(key);
  dropItem(client, one.conversationId, localId(key));
  setDraft(one.conversationId, one.text);
  setAttached(one.conversationId, one.attached);
}

export function dispatchNow(key: string): void {
  void dispatch(key);
}

async function dispatch(key: string, keepalive = false): Promise<void> {
  const one = all.find((entry) => entry.key === key);
  if (!one || one.state === "sending" || !client) return;
  clearTimeout(timers.get(key));
  update(key, { state: "sending", error: "" });
  for (let attempt = 1; ; attempt += 1) {
    try {
      const item = await call<Item>("POST", `/api/conversations/${one.conversationId}/replies`, {
        body: { text: one.text, ...(one.channel ? { channel: one.channel } : {}), attachments: one.attached.map((file) => file.uploadId) },
        headers: { "Idempotency-Key": key },
        keepalive,
      });
      remove(key);
      confirmItem(client, one.conversationId, localId(key), item);
      return;
    } catch (error) {
      const status = error instanceof Error && "status" in error ? Number(error.status) : 0;
      const passing = status === 0 || status === 429 || status >= 500;
      if (!passing || attempt >= TRIES) {
        update(key, { state: "failed", error: error instanceof Error ? error.message : "" });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 400 * 2 ** attempt));
    }
  }
}

/** Closing the page or logging out is no undo: what is still held goes out. */
export function sendAllHeld(): void {
  for (const one of all) if (one.state === "held") void dispatch(one.key, true);
}

addEventListener("pagehide", sendAllHeld);

export function useOutgoing(itemId: string): Outgoing | undefined {
  const entries = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => all,
  );
  return entries.find((one) => localId(one.key) === itemId);
}
