import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { call } from "./client";
import { keys } from "./keys";
import type { Comparison, Lint, Policy, PolicyVersion } from "./types";

/** What supervisors read and change of routing. */

export const CURRENT = "current";
const TRIES = 40;
const PAUSE = 250;

const path = (version: string): string => `/api/routing/policies/${encodeURIComponent(version)}`;

export function usePolicy(version: string = CURRENT) {
  return useQuery({
    queryKey: keys.policy(version),
    queryFn: ({ signal }) => call<Policy>("GET", path(version), { signal }),
    ...(version === CURRENT ? { refetchInterval: 15_000 } : {}),
  });
}

export function usePolicies() {
  return useQuery({ queryKey: keys.policies, queryFn: ({ signal }) => call<PolicyVersion[]>("GET", "/api/routing/policies", { signal }) });
}

export function useLint(text: string) {
  return useQuery({
    queryKey: keys.lint(text),
    queryFn: ({ signal }) => call<Lint>("POST", "/api/routing/lint", { body: { text }, signal }),
    enabled: text.trim() !== "",
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    gcTime: 60_000,
  });
}

export interface ApplyInput {
  version: string;
  text: string;
  force: boolean;
}

/** Settles once the router works by the new text; false when that takes longer than some seconds. */
async function applied({ version, text, force }: ApplyInput): Promise<boolean> {
  await call<unknown>("PUT", path(version), { body: { text, force } });
  for (let tries = 0; tries < TRIES; tries += 1) {
    if ((await call<Policy>("GET", path(CURRENT))).version === version) return true;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return false;
}

export function useApplyPolicy() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: applied,
    onSettled: () => {
      void client.invalidateQueries({ queryKey: keys.policies });
      return client.invalidateQueries({ queryKey: keys.policy(CURRENT) });
    },
    meta: { ownErrors: true },
  });
}

export interface ReplayInput {
  policy: string;
  version: string;
  since: string | null;
  until: string | null;
}

export function useReplay() {
  return useMutation({
    mutationKey: ["replay"],
    mutationFn: (input: ReplayInput) => call<Comparison>("POST", "/api/routing/replay", { body: input }),
    meta: { ownErrors: true },
  });
}
