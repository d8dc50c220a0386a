import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useNames } from "../api/names";
import type { Reason } from "../api/types";
import { useFormat } from "../i18n/format";
import classes from "./ExplainDrawer.module.css";
import { useBecause, usePredicateText } from "./sentence";

/** The facts behind a decision: rule, policy version, step, who could take it and who could not. */
export function ReasonDetails({ reason }: { reason: Reason }) {
  const { t } = useTranslation();
  const format = useFormat();
  const predicate = usePredicateText();
  const because = useBecause();
  const names = useNames();
  const facts: [string, string][] = [
    [t("explain.rule"), reason.rule],
    [t("explain.policy"), reason.policy],
    [t("explain.step"), format.number(reason.step + 1)],
    [t("explain.eligible"), format.number(reason.eligible)],
  ];
  if (reason.winner_because) facts.push([t("explain.because"), because(reason.winner_because)]);
  if (reason.runner_up) facts.push([t("explain.runnerUp"), names.agent(reason.runner_up)]);
  return (
    <>
      <dl className={classes.facts}>
        {facts.map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd><bdi>{value}</bdi></dd>
          </div>
        ))}
      </dl>
      {reason.excluded.length > 0 && (
        <>
          <Text size="xs" fw={600} c="dimmed" mt="sm" mb={4}>{t("explain.excluded")}</Text>
          <ul className={classes.excluded}>
            {reason.excluded.map((group) => (
              <li key={group.predicate}>
                <span>
                  {predicate(group.predicate)}
                  {group.example && <Text span size="xs" c="dimmed"> · {t("explain.example", { agent: `\u2068${names.agent(group.example)}\u2069` })}</Text>}
                </span>
                <span className={classes.agents}>{t("explain.agents", { count: group.agents, shown: format.number(group.agents) })}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {(reason.notes ?? []).length > 0 && (
        <>
          <Text size="xs" fw={600} c="dimmed" mt="sm" mb={4}>{t("explain.notes")}</Text>
          <ul className={classes.excluded}>{reason.notes?.map((note) => <li key={note}><span dir="auto">{note}</span></li>)}</ul>
        </>
      )}
    </>
  );
}
