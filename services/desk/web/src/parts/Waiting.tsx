import { Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useWait } from "../api/queries";
import type { ConversationRow } from "../api/types";
import { useFormat } from "../i18n/format";
import { IconAlertTriangle } from "./icons";
import { useNow } from "./Time";
import classes from "./Waiting.module.css";

const FRESH = 5 * 60_000;

/** The promise of a first answer was not kept: said by a word and a sign, not by colour alone. */
function Late({ missed, enqueued }: { missed: string; enqueued: string | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  const promised = enqueued ? (Date.parse(missed) - Date.parse(enqueued)) / 1000 : 0;
  const hint = t("waits.lateHint", { time: format.time(missed), span: format.duration(promised) });
  return (
    <Tooltip label={hint}>
      <span className={classes.late} data-testid="sla-missed">
        <IconAlertTriangle size={12} stroke={2} aria-hidden="true" />
        {t("waits.late")}
        <span className={classes.hidden}>. {hint}</span>
      </span>
    </Tooltip>
  );
}

/** What is known of a wait: whether it is late, the place in the line, how long it may still take. */
export function Waiting({ row }: { row: ConversationRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(30_000);
  const wait = useWait(row.conversation_id);
  if (!wait || row.state === "resolved") return null;
  // A wait that ended and began anew is another one.
  const same = (at: string | null): boolean => at !== null && row.enqueued_at !== null && Date.parse(at) >= Date.parse(row.enqueued_at);
  const told = row.state === "waiting" && wait.position !== null && same(wait.told_at) && now - Date.parse(wait.told_at ?? "") < FRESH;
  return (
    <>
      {wait.missed && same(wait.missed) && <Late missed={wait.missed} enqueued={row.enqueued_at} />}
      {told && wait.position !== null && (
        <span className={classes.place} data-testid="wait-place">
          {t("waits.place", { place: format.number(wait.position) })}
          {wait.estimate_seconds !== null && <> · {t("waits.estimate", { time: format.span(Math.max(wait.estimate_seconds, 1) * 1000) })}</>}
        </span>
      )}
    </>
  );
}
