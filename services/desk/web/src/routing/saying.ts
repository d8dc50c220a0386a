import { useTranslation } from "react-i18next";

import type { Comparison } from "../api/types";
import { useFormat } from "../i18n/format";

const DURATION = /^(-)?P(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?$/;

/** Seconds of an ISO 8601 duration; null for none. */
export function secondsOf(duration: string | null): number | null {
  const found = duration === null ? null : DURATION.exec(duration);
  if (!found) return null;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(2).map((part) => Number(part ?? 0));
  return (found[1] ? -1 : 1) * (((days * 24 + hours) * 60 + minutes) * 60 + seconds);
}

/** A comparison in sentences, the most telling first. */
export function useSaying(): (found: Comparison) => string[] {
  const { t } = useTranslation();
  const format = useFormat();
  return (found) => {
    const { recorded, rehearsed } = found.total;
    const policy = `\u2068${found.policy}\u2069`;
    const all = { count: recorded.arrived, all: format.number(recorded.arrived), policy };
    if (recorded.arrived === 0) return [t("routing.report.nothing")];
    const said = found.different === 0
      ? [t("routing.report.same", all)]
      : [
          t("routing.report.queues", { ...all, shown: format.number(found.other_queue) }),
          t("routing.report.agents", { shown: format.number(found.other_agent), sooner: format.number(found.sooner), later: format.number(found.later) }),
        ];
    if (recorded.wait_mean !== null && rehearsed.wait_mean !== null) {
      said.push(t("routing.report.waits", { before: format.seconds(recorded.wait_mean), after: format.seconds(rehearsed.wait_mean) }));
    }
    if (recorded.service_level !== null && rehearsed.service_level !== null) {
      const within = format.duration(found.within_seconds);
      said.push(t("routing.report.level", { within, before: format.percent(recorded.service_level), after: format.percent(rehearsed.service_level) }));
    }
    return said;
  };
}
