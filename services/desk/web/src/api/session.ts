import { useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";

import { switchLocale } from "../i18n";
import { call } from "./client";
import { keys } from "./keys";
import type { Agent, ColorScheme, Locale, Me, Presence } from "./types";

/** What one person saw must not be there for the next one at the same screen. */
function forgetAll(client: QueryClient): void {
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== keys.me[0] });
}

export function useLogin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { login: string; password: string }) => call<Me>("POST", "/api/session", { body }),
    onSuccess: (me) => {
      forgetAll(client);
      client.setQueryData<Me | null>(keys.me, me);
    },
  });
}

export function useLogout() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => call<void>("DELETE", "/api/session"),
    onSettled: () => {
      client.setQueryData<Me | null>(keys.me, null);
      forgetAll(client);
    },
  });
}

/** The choice takes effect at once; the server only remembers it. */
export function useSessionChange() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (change: { locale?: Locale; color_scheme?: ColorScheme }) =>
      call<Me>("PATCH", "/api/session", { body: change }),
    onMutate: (change) => {
      if (change.locale) void switchLocale(change.locale);
      client.setQueryData<Me | null>(keys.me, (me) => (me ? { ...me, ...change } : me));
    },
  });
}

export function usePresenceChange() {
  const client = useQueryClient();
  return useMutation({
    scope: { id: "presence" },
    mutationFn: (state: Presence) => call<void>("PUT", "/api/presence", { body: { state } }),
    onMutate: (presence) => {
      const before = client.getQueryData<Me | null>(keys.me);
      client.setQueryData<Me | null>(keys.me, (me) => (me ? { ...me, presence, not_responding: false, present_here: presence !== "offline" } : me));
      client.setQueryData<Agent[]>(keys.agents, (list) =>
        list?.map((agent) => (agent.agent_id === before?.agent_id ? { ...agent, presence } : agent)),
      );
      return before;
    },
    onError: (_error, _state, before) => client.setQueryData<Me | null>(keys.me, before),
  });
}
