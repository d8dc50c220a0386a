import { Text, Title, VisuallyHidden } from "@mantine/core";
import { structuredPatch } from "diff";
import { Fragment, useMemo } from "react";
import { useTranslation } from "react-i18next";

import { useFormat } from "../i18n/format";
import classes from "./Routing.module.css";

const CONTEXT = 2;

/** Line by line what the text changes, beside the one in force. */
export function Changes({ before, after, version }: { before: string; after: string; version: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const hunks = useMemo(
    () => structuredPatch("", "", before, after, "", "", { context: CONTEXT }).hunks,
    [before, after],
  );
  const lines = hunks.flatMap((hunk) => hunk.lines);
  const count = (sign: string): string => format.number(lines.filter((line) => line.startsWith(sign)).length);
  const word = { "+": t("routing.diff.added"), "-": t("routing.diff.removed"), " ": "" } as Record<string, string>;
  return (
    <section aria-labelledby="changes-title">
      <Title order={2} fz="md" id="changes-title" mb={8}>{t("routing.diff.title")}</Title>
      <Text size="sm" c="dimmed" mb={8} data-testid="diff-summary">
        {hunks.length === 0
          ? t("routing.diff.none", { version: `\u2068${version}\u2069` })
          : t("routing.diff.summary", { version: `\u2068${version}\u2069`, added: count("+"), removed: count("-") })}
      </Text>
      {hunks.length > 0 && (
        <div className={classes.diff} dir="ltr" tabIndex={0} role="group" aria-labelledby="changes-title" data-testid="diff">
          <div className={classes.lines}>
            {hunks.map((hunk, index) => (
              <Fragment key={hunk.newStart}>
                {index > 0 && <span className={classes.gap} aria-hidden="true">⋯</span>}
                {hunk.lines.filter((line) => !line.startsWith("\\")).map((line, at) => (
                  <span key={at} className={classes.diffLine} data-sign={line.charAt(0)}>
                    <span className={classes.sign} aria-hidden="true">{line.charAt(0) === "-" ? "−" : line.charAt(0)}</span>
                    <VisuallyHidden>{word[line.charAt(0)]} </VisuallyHidden>
                    {line.slice(1)}
                  </span>
                ))}
              </Fragment>
            ))}
          </div>
        </div>
      )}
    </section>
  );
}
