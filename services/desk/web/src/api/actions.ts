import { useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";

import { confirmItem, dropItem, findRow, putItem, putRow } from "./cache";
import { call } from "./client";
import { newId } from "./id";
import { keys } from "./keys";
import type { ConversationRow, Item, Me, NoteItem, Offer, WrapUp } from "./types";

/** What an agent does. Each shows its effect at once and takes it back if the server refuses. */

function me(client: QueryClient): Me | null {
  return client.getQueryData<Me | null>(keys.me) ?? null;
}

function changeRow(client: QueryClient, id: string, change: Partial<ConversationRow>): ConversationRow | undefined {
  const before = findRow(client, id);
  if (before) putRow(client, { ...before, ...change }, me(client)?.agent_id ?? "");
  return before;
}

export function useOfferAnswer() {
  const client = useQueryClient();
  const without = (id: string) => (list: Offer[] | undefined) => list?.filter((offer) => offer.offer_id !== id);
  return useMutation({
    mutationFn: ({ offer, answer }: { offer: Offer; answer: "accept" | "reject" }) =>
      call<void>("POST", `/api/offers/${offer.offer_id}/${answer}`, { body: {} }),
    onMutate: ({ offer, answer }) => {
      client.setQueryData<Offer[]>(keys.offers, without(offer.offer_id));
      const mine = me(client);
      if (answer === "accept" && mine) {
        changeRow(client, offer.conversation_id, {
          state: "assigned", assignee: mine.agent_id, assignee_name: mine.name,
        });
      }
    },
    onError: () => {
      void client.invalidateQueries({ queryKey: keys.offers });
      void client.invalidateQueries({ queryKey: keys.lists });
    },
  });
}

export function useResolve(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (disposition: string) => call<void>("POST", `/api/conversations/${id}/resolve`, { body: { disposition } }),
    onMutate: () => changeRow(client, id, { state: "resolved", unread: 0 }),
    onError: (_error, _input, before) => {
      if (before) changeRow(client, id, before);
    },
  });
}

export function useWrapUpDone() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => call<void>("POST", `/api/conversations/${id}/wrap-up/done`, { body: {} }),
    onMutate: (id) => client.setQueryData<WrapUp[]>(keys.wrapUps, (list) => list?.filter((one) => one.conversation_id !== id)),
    onError: () => void client.invalidateQueries({ queryKey: keys.wrapUps }),
  });
}

export interface TransferInput {
  to_agent?: string;
  to_queue?: string;
  note: string;
}

export function useTransfer(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: TransferInput) => call<void>("POST", `/api/conversations/${id}/transfer`, { body }),
    onMutate: (input) =>
      changeRow(client, id, {
        state: "waiting", assignee: null, assignee_name: null, ...(input.to_queue ? { queue_id: input.to_queue } : {}),
      }),
    onError: (_error, _input, before) => {
      if (before) changeRow(client, id, before);
    },
  });
}

export function useNote(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (text: string) => call<Item>("POST", `/api/conversations/${id}/notes`, { body: { text } }),
    onMutate: (text) => {
      const note: NoteItem = {
        kind: "note", item_id: `local:${newId()}`, at: new Date().toISOString(),
        author: me(client)?.name ?? "", text,
      };
      putItem(client, id, note);
      return note.item_id;
    },
    onSuccess: (item, _text, localId) => confirmItem(client, id, localId, item),
    onError: (_error, _text, localId) => {
      if (localId) dropItem(client, id, localId);
    },
  });
}

export function markRead(client: QueryClient, id: string): void {
  const row = findRow(client, id);
  if (row && row.unread > 0) changeRow(client, id, { unread: 0 });
}
