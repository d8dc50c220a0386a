import type { View } from "./types";

export interface ListFilter {
  view: View;
  queue: string | null;
  q: string;
}

export const keys = {
  me: ["me"] as const,
  offers: ["offers"] as const,
  wrapUps: ["wrap-ups"] as const,
  waits: ["waits"] as const,
  queues: ["queues"] as const,
  agents: ["agents"] as const,
  lists: ["conversations"] as const,
  list: (filter: ListFilter) => ["conversations", filter] as const,
  conversation: (id: string) => ["conversation", id] as const,
  replyOptions: (id: string) => ["reply-options", id] as const,
  policies: ["policies"] as const,
  policy: (version: string) => ["policy", version] as const,
  lint: (text: string) => ["policy-lint", text] as const,
  explain: (id: string) => ["explain", id] as const,
};
