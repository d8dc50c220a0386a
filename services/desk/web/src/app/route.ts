import { useSyncExternalStore } from "react";

import type { View } from "../api/types";

/** Where the person is: `#/mine`, `#/queue/billing/<conversation>`, `#/policy`; kept in the address so that links and Back work. */
export interface Route {
  view: View;
  queue: string | null;
  conversation: string | null;
  /** A page of its own, instead of conversations. */
  panel?: Panel | null;
}

export type Panel = "policy" | "replay";

const PANELS: readonly string[] = ["policy", "replay"];

const VIEWS: readonly string[] = ["mine", "waiting", "all", "resolved"];

export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, "").split("/").map((part) => decodeURIComponent(part));
  if (parts[0] === "queue" && parts[1]) return { view: "all", queue: parts[1], conversation: parts[2] || null };
  if (PANELS.includes(parts[0] ?? "")) return { view: "mine", queue: null, conversation: null, panel: parts[0] as Panel };
  const view = VIEWS.includes(parts[0] ?? "") ? (parts[0] as View) : "mine";
  return { view, queue: null, conversation: parts[1] || null };
}

export function hrefTo(route: Route): string {
  if (route.panel) return `#/${route.panel}`;
  const place = route.queue ? `queue/${encodeURIComponent(route.queue)}` : route.view;
  return route.conversation ? `#/${place}/${encodeURIComponent(route.conversation)}` : `#/${place}`;
}

export function go(route: Partial<Route>): void {
  location.hash = hrefTo({ ...parseRoute(location.hash), panel: null, ...route });
}

const subscribe = (listener: () => void): (() => void) => {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
};

let lastHash: string | null = null;
let lastRoute: Route = { view: "mine", queue: null, conversation: null };

function snapshot(): Route {
  if (location.hash !== lastHash) {
    lastHash = location.hash;
    lastRoute = parseRoute(lastHash);
  }
  return lastRoute;
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, snapshot);
}
