/** How one change (our own, or one that arrived live) is laid into what the screen already holds. */

import type { InfiniteData, QueryClient } from "@tanstack/react-query";

import { keys, type ListFilter } from "./keys";
import type { ConversationDetail, ConversationPage, ConversationRow, Delivery, Item, ReplyItem } from "./types";

type Pages = InfiniteData<ConversationPage, string | null>;

export function belongs(row: ConversationRow, filter: ListFilter, me: string): boolean {
  if (filter.queue && row.queue_id !== filter.queue) return false;
  switch (filter.view) {
    case "mine":
      return row.state === "assigned" && row.assignee === me;
    case "waiting":
      return row.state === "waiting" || row.state === "offered";
    case "resolved":
      return row.state === "resolved";
    case "all":
      return true;
  }
}

/** Waiting work stands oldest first, because that is the order it should be served in; all else newest first. */
export function inOrder(view: ListFilter["view"], rows: ConversationRow[]): ConversationRow[] {
  const waitingSince = (row: ConversationRow): string => row.enqueued_at ?? row.last_at;
  return view === "waiting"
    ? rows.toSorted((a, b) => waitingSince(a).localeCompare(waitingSince(b)))
    : rows.toSorted((a, b) => b.last_at.localeCompare(a.last_at));
}

function placed(pages: Pages, row: ConversationRow, filter: ListFilter, me: string): Pages {
  const fits = belongs(row, filter, me);
  let found = false;
  const next = pages.pages.map((page) => ({
    ...page,
    items: page.items.flatMap((old) => {
      if (old.conversation_id !== row.conversation_id) return [old];
      found = true;
      return fits ? [row] : [];
    }),
  }));
  const first = next[0];
  if (!found && fits && filter.q === "" && first) next[0] = { ...first, items: [row, ...first.items] };
  return { ...pages, pages: next };
}

export function putRow(client: QueryClient, row: ConversationRow, me: string): void {
  for (const [key, pages] of client.getQueriesData<Pages>({ queryKey: keys.lists })) {
    const filter = key[1] as ListFilter | undefined;
    if (pages && filter) client.setQueryData<Pages>(key, placed(pages, row, filter, me));
  }
  client.setQueryData<ConversationDetail>(keys.conversation(row.conversation_id), (detail) =>
    detail ? { ...detail, conversation: row } : detail,
  );
}

export function findRow(client: QueryClient, id: string): ConversationRow | undefined {
  const detail = client.getQueryData<ConversationDetail>(keys.conversation(id));
  if (detail) return detail.conversation;
  for (const [, pages] of client.getQueriesData<Pages>({ queryKey: keys.lists })) {
    const row = pages?.pages.flatMap((page) => page.items).find((one) => one.conversation_id === id);
    if (row) return row;
  }
  return undefined;
}

function isEcho(ours: Item, theirs: Item): boolean {
  return (
    ours.kind === theirs.kind &&
    ours.item_id.startsWith("local:") &&
    "text" in ours && "text" in theirs &&
    ours.text === theirs.text
  );
}

/** Adds the item, replaces the one with the same id, or takes the place of our own unconfirmed copy of it. */
export function withItem(timeline: Item[], item: Item): Item[] {
  const at = timeline.findIndex((old) => old.item_id === item.item_id);
  if (at >= 0) return timeline.map((old, index) => (index === at ? merged(old, item) : old));
  const echo = timeline.findIndex((old) => isEcho(old, item));
  const next = echo >= 0 ? timeline.map((old, index) => (index === echo ? item : old)) : [...timeline, item];
  return next.toSorted((a, b) => a.at.localeCompare(b.at));
}

/** A late copy of a reply must not take back a delivery state that arrived before it. */
function merged(old: Item, item: Item): Item {
  if (old.kind === "reply" && item.kind === "reply" && old.delivery && !item.delivery) {
    return { ...item, delivery: old.delivery, channel: item.channel ?? old.channel };
  }
  return item;
}

/** What this person sent a moment ago must survive a fresh copy of the conversation that does not know it yet. */
export function carryLocal(old: ConversationDetail | undefined, fresh: ConversationDetail): ConversationDetail {
  const local = old?.timeline.filter((item) => item.item_id.startsWith("local:")) ?? [];
  const missing = local.filter((item) => !fresh.timeline.some((other) => other.at >= item.at && isEcho(item, other)));
  return missing.length === 0 ? fresh : { ...fresh, timeline: [...fresh.timeline, ...missing] };
}

export function putItem(client: QueryClient, conversationId: string, item: Item): void {
  client.setQueryData<ConversationDetail>(keys.conversation(conversationId), (detail) =>
    detail ? { ...detail, timeline: withItem(detail.timeline, item) } : detail,
  );
}

export function dropItem(client: QueryClient, conversationId: string, itemId: string): void {
  client.setQueryData<ConversationDetail>(keys.conversation(conversationId), (detail) =>
    detail ? { ...detail, timeline: detail.timeline.filter((item) => item.item_id !== itemId) } : detail,
  );
}

/** Our unconfirmed copy becomes what the server stored; if the live connection was faster, the copy just goes. */
export function confirmItem(client: QueryClient, conversationId: string, localId: string, item: Item): void {
  client.setQueryData<ConversationDetail>(keys.conversation(conversationId), (detail) =>
    detail
      ? { ...detail, timeline: withItem(detail.timeline.filter((old) => old.item_id !== localId), item) }
      : detail,
  );
}

export function putDelivery(client: QueryClient, conversationId: string, replyId: string, delivery: Delivery): void {
  client.setQueryData<ConversationDetail>(keys.conversation(conversationId), (detail) => {
    if (!detail) return detail;
    const changed = (item: ReplyItem): ReplyItem => ({ ...item, delivery, channel: delivery.channel ?? item.channel });
    return {
      ...detail,
      timeline: detail.timeline.map((item) => (item.kind === "reply" && item.item_id === replyId ? changed(item) : item)),
    };
  });
}
