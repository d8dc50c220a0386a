import type { Panel } from "../app/route";
import { PolicyPanel } from "./PolicyPanel";
import { ReplayPanel } from "./ReplayPanel";

/** What supervisors do about routing. */
export default function RoutingPage({ panel }: { panel: Panel }) {
  return panel === "policy" ? <PolicyPanel /> : <ReplayPanel />;
}
