import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { ApiError, call, follow } from "./client";
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

/** Entries of the record, of both passes over it. */
export interface ReplayProgress {
  done: number;
  of: number;
}

/** A replay, how far it has come, and how to end it: leaving the page does so too. */
export function useReplay() {
  const [progress, setProgress] = useState<ReplayProgress | null>(null);
  const [cancelled, setCancelled] = useState(false);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const replay = useMutation({
    mutationKey: ["replay"],
    mutationFn: async (input: ReplayInput) => {
      const { signal } = (running.current = new AbortController());
      let found: Comparison | undefined;
      const tell = (step: { progress?: ReplayProgress; comparison?: Comparison }): void => {
        if (step.progress) setProgress(step.progress);
        found = step.comparison;
      };
      setProgress(null);
      setCancelled(false);
      await follow("POST", "/api/routing/replay", tell, { body: input, signal });
      if (!found) throw new ApiError(0, "unreachable", "");
      return found;
    },
    meta: { ownErrors: true },
  });
  const cancel = (): void => {
    running.current?.abort();
    setCancelled(true);
    replay.reset();
  };
  return { ...replay, progress, cancel, cancelled };
}
