import { useSyncExternalStore } from "react";

import { call } from "../api/client";
import { newId } from "../api/id";
import type { Attachment, Upload } from "../api/types";
import { errorText } from "../app/errors";

/** Files on their way into a reply, per conversation, for as long as this tab lives. The server forgets what no reply takes. */

export interface Attaching {
  key: string;
  name: string;
  size: number;
  type: string;
  state: "sending" | "ready" | "failed";
  uploadId: string | null;
  error: string;
}

export interface Limits {
  count: number;
  bytes: number;
}

export type Trouble = { kind: "tooMany" } | { kind: "tooLarge"; name: string } | { kind: "empty"; name: string };

const NONE: readonly Attaching[] = [];
const attached = new Map<string, readonly Attaching[]>();
const running = new Map<string, AbortController>();
const listeners = new Set<() => void>();

export function setAttached(conversation: string, list: readonly Attaching[]): void {
  if (list.length > 0) attached.set(conversation, list);
  else attached.delete(conversation);
  for (const listener of listeners) listener();
}

function update(conversation: string, key: string, patch: Partial<Attaching>): void {
  setAttached(conversation, (attached.get(conversation) ?? NONE).map((one) => (one.key === key ? { ...one, ...patch } : one)));
}

/** Uploads what fits; what does not is told, and stays outside. */
export function attach(conversation: string, files: readonly File[], limits: Limits): Trouble[] {
  const troubles: Trouble[] = [];
  for (const file of files) {
    if ((attached.get(conversation) ?? NONE).length >= limits.count) return [...troubles, { kind: "tooMany" }];
    if (file.size > limits.bytes) troubles.push({ kind: "tooLarge", name: file.name });
    else if (file.size === 0) troubles.push({ kind: "empty", name: file.name });
    else void upload(conversation, file);
  }
  return troubles;
}

async function upload(conversation: string, file: File): Promise<void> {
  const key = newId();
  const control = new AbortController();
  running.set(key, control);
  const one: Attaching = { key, name: file.name, size: file.size, type: file.type, state: "sending", uploadId: null, error: "" };
  setAttached(conversation, [...(attached.get(conversation) ?? NONE), one]);
  try {
    const path = `/api/attachments?name=${encodeURIComponent(file.name.slice(-200))}`;
    const stored = await call<Upload>("POST", path, { file, signal: control.signal });
    update(conversation, key, { state: "ready", uploadId: stored.upload_id, name: stored.name, type: stored.media_type, size: stored.size });
  } catch (error) {
    if (!control.signal.aborted) update(conversation, key, { state: "failed", error: errorText(error) });
  } finally {
    running.delete(key);
  }
}

export function detach(conversation: string, key: string): void {
  running.get(key)?.abort();
  setAttached(conversation, (attached.get(conversation) ?? NONE).filter((one) => one.key !== key));
}

export function useAttached(conversation: string): readonly Attaching[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => attached.get(conversation) ?? NONE,
  );
}

/** How it looks in the timeline until the server has confirmed the reply. */
export function asSent(one: Attaching): Attachment {
  return { name: one.name, media_type: one.type, size: one.size, ref: one.key, state: "stored", url: null, thumbnail_url: null };
}

export function anyAttached(): boolean {
  return attached.size > 0;
}
