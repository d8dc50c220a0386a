import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";

import { carryLocal } from "./cache";
import { ApiError, call } from "./client";
import { keys, type ListFilter } from "./keys";
import type {
  Agent, ConversationDetail, ConversationPage, Explanation, Me, Offer, Queue, ReplyOptions, Wait, WrapUp,
} from "./types";

/** Null means: nobody is logged in. */
export function useMe() {
  return useQuery({
    queryKey: keys.me,
    queryFn: async ({ signal }): Promise<Me | null> => {
      try {
        return await call<Me>("GET", "/api/session", { signal });
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
  });
}

export function useOffers() {
  return useQuery({ queryKey: keys.offers, queryFn: ({ signal }) => call<Offer[]>("GET", "/api/offers", { signal }) });
}

export function useWrapUps() {
  return useQuery({ queryKey: keys.wrapUps, queryFn: ({ signal }) => call<WrapUp[]>("GET", "/api/wrap-ups", { signal }) });
}

export function useQueues() {
  return useQuery({ queryKey: keys.queues, queryFn: ({ signal }) => call<Queue[]>("GET", "/api/queues", { signal }) });
}

/** How a customer waits; undefined when there is nothing to tell. The list is one query, whoever asks. */
export function useWait(id: string): Wait | undefined {
  return useQuery({
    queryKey: keys.waits,
    queryFn: ({ signal }) => call<Wait[]>("GET", "/api/waits", { signal }),
    select: (waits) => waits.find((one) => one.conversation_id === id),
  }).data;
}

export function useAgents() {
  return useQuery({ queryKey: keys.agents, queryFn: ({ signal }) => call<Agent[]>("GET", "/api/agents", { signal }) });
}

function listPath(filter: ListFilter, cursor: string | null): string {
  const search = new URLSearchParams({ view: filter.view, limit: "50" });
  if (filter.queue) search.set("queue", filter.queue);
  if (filter.q) search.set("q", filter.q);
  if (cursor) search.set("cursor", cursor);
  return `/api/conversations?${search.toString()}`;
}

export function useConversations(filter: ListFilter, enabled = true) {
  return useInfiniteQuery({
    queryKey: keys.list(filter),
    queryFn: ({ pageParam, signal }) => call<ConversationPage>("GET", listPath(filter, pageParam), { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    enabled,
  });
}

export function useConversation(id: string | null) {
  const client = useQueryClient();
  const queryKey = keys.conversation(id ?? "");
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const fresh = await call<ConversationDetail>("GET", `/api/conversations/${id}`, { signal });
      return carryLocal(client.getQueryData<ConversationDetail>(queryKey), fresh);
    },
    enabled: id !== null,
  });
}

export function useReplyOptions(id: string) {
  return useQuery({
    queryKey: keys.replyOptions(id),
    queryFn: ({ signal }) => call<ReplyOptions>("GET", `/api/conversations/${id}/reply-options`, { signal }),
  });
}

export function useExplanation(id: string, enabled: boolean) {
  return useQuery({
    queryKey: keys.explain(id),
    queryFn: ({ signal }) => call<Explanation>("GET", `/api/conversations/${id}/explain`, { signal }),
    enabled,
    staleTime: 0,
  });
}
