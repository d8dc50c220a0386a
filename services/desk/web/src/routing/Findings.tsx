import { Alert, Loader, Text, Title, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Finding } from "../api/types";
import { errorText } from "../app/errors";
import { useFormat } from "../i18n/format";
import { IconAlertTriangle, IconCircleCheck, IconX } from "../parts/icons";
import { isolated } from "./isolated";
import classes from "./Routing.module.css";

interface Props {
  findings: Finding[] | undefined;
  checking: boolean;
  error: Error | null;
  onLine: (line: number) => void;
}

function useSummary(): (findings: Finding[]) => string {
  const { t } = useTranslation();
  const format = useFormat();
  return (findings) => {
    const errors = findings.filter((one) => one.severity === "error").length;
    const warnings = findings.length - errors;
    if (findings.length === 0) return t("routing.lint.clean");
    const parts = [
      errors > 0 && t("routing.lint.errors", { count: errors, shown: format.number(errors) }),
      warnings > 0 && t("routing.lint.warnings", { count: warnings, shown: format.number(warnings) }),
    ];
    return parts.filter(Boolean).join(t("explain.comma"));
  };
}

/** A finding in the reader's language; what the server words by the text itself stays as it is, in English. */
function useWords() {
  const { t, i18n } = useTranslation();
  return ({ wording, about, sentence, hint }: Finding) => {
    const key = `routing.said.${wording}`;
    if (!wording || !i18n.exists(`${key}.text`)) return { text: sentence, hint, lang: { lang: "en", dir: "auto" } };
    const told = isolated(about);
    return { text: t(`${key}.text`, told), hint: i18n.exists(`${key}.hint`) ? t(`${key}.hint`, told) : "", lang: {} };
  };
}

function Line({ finding, onLine }: { finding: Finding; onLine: (line: number) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const bad = finding.severity === "error";
  const where = finding.line ? t("routing.lint.line", { line: format.number(finding.line) }) : finding.place;
  const said = useWords()(finding);
  const icon = { size: 18, stroke: 1.9, "aria-hidden": true } as const;
  return (
    <UnstyledButton
      className={classes.finding ?? ""} data-severity={finding.severity} data-code={finding.code} data-testid="finding"
      onClick={() => finding.line && onLine(finding.line)}
    >
      {bad ? <IconX {...icon} /> : <IconAlertTriangle {...icon} />}
      <span className={classes.words}>
        <Text span size="sm" fw={600}>
          {t(bad ? "routing.lint.error" : "routing.lint.warning")}{" · "}
          {t(`routing.findings.${finding.code}`, { defaultValue: finding.code })}
          <Text span size="xs" c="dimmed" fw={400}> · <bdi>{where}</bdi></Text>
        </Text>
        <Text span size="sm" {...said.lang}>{said.text}</Text>
        {said.hint && <Text span size="xs" c="dimmed" {...said.lang}>{said.hint}</Text>}
      </span>
    </UnstyledButton>
  );
}

/** What the check says of the text: how much first, then each in words; a click goes to its line. */
export function Findings({ findings, checking, error, onLine }: Props) {
  const { t } = useTranslation();
  const summary = useSummary();
  return (
    <section aria-labelledby="findings-title">
      <Title order={2} fz="md" id="findings-title" mb={8}>
        {t("routing.lint.title")} {checking && <Loader size={12} ms={6} aria-label={t("routing.lint.checking")} />}
      </Title>
      {error
        ? <Alert color="red" role="alert">{errorText(error)}</Alert>
        : (
          <Text size="sm" c="dimmed" role="status" data-testid="lint-summary" mb={8} display="flex" style={{ alignItems: "center", gap: 6 }}>
            {findings?.length === 0 && <IconCircleCheck size={17} color="var(--desk-ok)" aria-hidden="true" />}
            {findings ? summary(findings) : t("routing.lint.checking")}
          </Text>
        )}
      <ul className={classes.list}>
        {findings?.map((finding, index) => (
          <li key={`${finding.code}-${finding.place}-${index}`}><Line finding={finding} onLine={onLine} /></li>
        ))}
      </ul>
    </section>
  );
}
