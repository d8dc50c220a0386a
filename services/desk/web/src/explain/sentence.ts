import { useTranslation } from "react-i18next";

import { useNames } from "../api/names";
import type { Reason } from "../api/types";
import { useFormat } from "../i18n/format";

/** What the router decided about whom; `agent` and `queue` are ids. */
export interface Decided {
  reason: Reason | null;
  agent?: string | null | undefined;
  queue?: string | null | undefined;
  sentence?: string | null | undefined;
}

/** An acceptance says nothing about the choice; the offer before it does. */
export const ACCEPTED = "accepted the offer";

const isolate = (name: string): string => `\u2068${name}\u2069`;
const slug = (text: string): string => text.toLowerCase().replace(/[^a-z]+/g, "-");

/** A predicate of the router (`offline`, `skill:lang.fa>=3` …) in the reader's words; unknown ones as they are. */
export function usePredicateText(): (predicate: string) => string {
  const { t } = useTranslation();
  const format = useFormat();
  return (predicate) => {
    if (predicate.startsWith("team:")) return t("explain.predicates.team", { team: isolate(predicate.slice(5).split("|").join(" / ")) });
    const skill = /^skill:([^><=]+)(?:>=(\d+))?$/.exec(predicate);
    if (!skill) return t(`explain.predicates.${predicate}`, { defaultValue: predicate });
    const name = skill[1] ?? "";
    const words = name.startsWith("lang.") ? format.language(name.slice(5)) : name;
    return skill[2]
      ? t("explain.predicates.skillLevel", { skill: words, level: format.number(Number(skill[2])) })
      : t("explain.predicates.skill", { skill: words });
  };
}

export function useBecause(): (because: string) => string {
  const { t } = useTranslation();
  return (because) => t(`explain.why.${slug(because)}`, { defaultValue: because });
}

/** A decision in one sentence, in the reader's language and with names; the router's own words where nothing is known. */
export function useSentence(): (decided: Decided) => string {
  const { t } = useTranslation();
  const format = useFormat();
  const names = useNames();
  const predicate = usePredicateText();
  const because = useBecause();
  return ({ reason, agent, queue, sentence }) => {
    if (reason?.winner_because === ACCEPTED && agent) return t("explain.accepted", { agent: isolate(names.agent(agent)) });
    if (reason?.winner_because && agent) {
      const whom = agent === names.me ? t("explain.you") : isolate(names.agent(agent));
      const said = { agent: whom, because: because(reason.winner_because), shown: format.number(reason.eligible) };
      return t(reason.eligible > 1 ? "explain.chosen_many" : "explain.chosen", said);
    }
    const rests = /^Rests in \S+ (?:until (\S+)|for good)\.$/.exec(reason?.sentence ?? "");
    if (rests && queue) {
      const at = rests[1] ? { context: "until", time: format.full(rests[1]) } : {};
      return t("explain.rests", { queue: isolate(names.queue(queue)), ...at });
    }
    const known = /^Waits in \S+ for (\S+), who is not free\.$/.exec(reason?.sentence ?? "");
    if (known?.[1] && queue) return t("explain.waitsFor", { queue: isolate(names.queue(queue)), agent: isolate(names.agent(known[1])) });
    if (reason && !reason.winner_because && queue) {
      const groups = reason.excluded.map((one) => `${predicate(one.predicate)}: ${format.number(one.agents)}`).join(t("explain.comma"));
      return t(groups ? "explain.waits" : "explain.waits_nobody", { queue: isolate(names.queue(queue)), groups });
    }
    return sentence || reason?.sentence || t("explain.noReason");
  };
}
