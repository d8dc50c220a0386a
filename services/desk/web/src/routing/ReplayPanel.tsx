import { Alert, Button, Group, Progress, SegmentedControl, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { serverNow } from "../api/client";
import { CURRENT, usePolicies, usePolicy, useReplay, type ReplayInput, type ReplayProgress } from "../api/routing";
import { errorText } from "../app/errors";
import { useFormat } from "../i18n/format";
import { IconPlayerPlay } from "../parts/icons";
import { useNow } from "../parts/Time";
import { usePolicyDraft } from "./draft";
import { ReplayReport } from "./ReplayReport";
import classes from "./Routing.module.css";

const HOURS = { hour: 1, day: 24, week: 168 } as const;
type Span = keyof typeof HOURS | "own";
const SPANS: readonly Span[] = ["hour", "day", "week", "own"];
const DRAFT = " draft";
const UNREADABLE = Number.NaN;

interface Period {
  span: Span;
  from: string;
  to: string;
}

function asInput(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** Milliseconds; `to` null is now. */
function bounds({ span, from, to }: Period): { since: number; until: number | null } {
  if (span !== "own") return { since: serverNow() - HOURS[span] * 3_600_000, until: null };
  return { since: from ? Date.parse(from) : UNREADABLE, until: to ? Date.parse(to) : null };
}

function PeriodPicker({ period, onChange }: { period: Period; onChange: (period: Period) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const moment = (name: "from" | "to") => {
    const at = Date.parse(period[name]);
    return (
      <TextInput
        type="datetime-local" label={t(`routing.replay.${name}`)} value={period[name]} description={Number.isNaN(at) ? "\u00a0" : format.full(new Date(at).toISOString())}
        inputWrapperOrder={["label", "input", "description"]} onChange={(event) => onChange({ ...period, [name]: event.currentTarget.value })} data-testid={`replay-${name}`}
      />
    );
  };
  return (
    <Stack gap="xs">
      <Text size="sm" fw={500} id="period-label">{t("routing.replay.period")}</Text>
      <SegmentedControl
        aria-labelledby="period-label" value={period.span} onChange={(span) => onChange({ ...period, span: span as Span })}
        data={SPANS.map((span) => ({ value: span, label: t(`routing.replay.spans.${span}`) }))}
      />
      {period.span === "own" && <Group align="start">{moment("from")}{moment("to")}</Group>}
    </Stack>
  );
}

interface RunningProps {
  since: number;
  progress: ReplayProgress | null;
  onCancel: () => void;
}

/** How far it has come; how long it will take is told once that can be guessed. */
function Running({ since, progress, onCancel }: RunningProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow(1_000);
  const share = progress && progress.of > 0 ? progress.done / progress.of : 0;
  const passed = Math.max(0, (now - since) / 1000);
  const left = share > 0.05 && passed > 1 ? format.duration((passed / share) * (1 - share)) : null;
  return (
    <Stack gap={6} className={classes.card} data-testid="replay-running">
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" role="status">{t("routing.replay.running")}</Text>
        <Button size="compact-sm" variant="default" onClick={onCancel} data-testid="replay-cancel">{t("common.cancel")}</Button>
      </Group>
      <Progress.Root size="lg">
        <Progress.Section value={share * 100} animated aria-label={t("routing.replay.howFar")} data-testid="replay-progress" />
      </Progress.Root>
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {progress ? t("routing.replay.progress", { share: format.percent(share), of: format.number(progress.of / 2) }) : "\u00a0"}
        </Text>
        <Text size="sm" c="dimmed" aria-hidden="true">
          {left === null ? format.duration(passed) : t("routing.replay.left", { time: left })}
        </Text>
      </Group>
    </Stack>
  );
}

/** The texts that can be tried: what is being written, the one in force, earlier ones. */
function usePolicyChoice() {
  const { t } = useTranslation();
  const draft = usePolicyDraft();
  const current = usePolicy();
  const versions = usePolicies().data ?? [];
  const [wanted, setWanted] = useState<string | null>(null);
  const chosen = wanted ?? (draft === null ? CURRENT : DRAFT);
  const other = usePolicy(chosen === DRAFT ? CURRENT : chosen);
  const inForce = current.data?.version ?? "";
  const policy = chosen === DRAFT && draft !== null ? { text: draft, version: t("routing.replay.edited") } : other.data;
  const data = [
    ...(draft === null ? [] : [{ value: DRAFT, label: t("routing.replay.edited") }]),
    { value: CURRENT, label: t("routing.policy.isInForce", { version: inForce }) },
    ...versions.filter((one) => one.version !== inForce).map((one) => ({ value: one.version, label: one.version })),
  ];
  return { chosen: chosen === DRAFT && draft === null ? CURRENT : chosen, setWanted, policy, data };
}

/** What a policy would have made of the recorded work. Informs; it changes nothing. */
export function ReplayPanel() {
  const { t } = useTranslation();
  const replay = useReplay();
  const { chosen, setWanted, policy, data } = usePolicyChoice();
  const [period, setPeriod] = useState<Period>(() => ({ span: "day", from: asInput(serverNow() - 86_400_000), to: asInput(serverNow()) }));
  const { since, until } = bounds(period);
  const wrong = Number.isNaN(since) || (until !== null && until <= since);

  const run = (): void => {
    if (!policy || wrong) return;
    const at = (moment: number): string => new Date(moment).toISOString();
    const input: ReplayInput = { policy: policy.text, version: policy.version, since: at(since), until: until === null ? null : at(until) };
    replay.mutate(input);
  };
  return (
    <div className={`${classes.page} quiet-scroll`} data-testid="replay-panel">
      <Stack className={classes.inner ?? ""} gap="md">
        <div>
          <Title order={1} fz="xl">{t("routing.replay.title")}</Title>
          <Text size="sm" c="dimmed" maw={720}>{t("routing.replay.intro")}</Text>
        </div>
        <form className={classes.card} onSubmit={(event) => {
          event.preventDefault();
          run();
        }}>
          <Group align="end" gap="lg">
            <PeriodPicker period={period} onChange={setPeriod} />
            <Select
              label={t("routing.replay.policy")} w={280} data={data} value={chosen} onChange={(value) => value && setWanted(value)} allowDeselect={false} data-testid="replay-policy"
            />
            <Button type="submit" leftSection={<span className="flip"><IconPlayerPlay size={17} aria-hidden="true" /></span>} loading={replay.isPending} disabled={!policy || wrong} data-testid="replay-run">
              {t("routing.replay.run")}
            </Button>
          </Group>
          {wrong && <Text size="sm" c="var(--desk-bad)" mt="xs" role="alert">{t("routing.replay.wrongPeriod")}</Text>}
        </form>
        {replay.isPending && <Running since={replay.submittedAt} progress={replay.progress} onCancel={replay.cancel} />}
        {replay.cancelled && !replay.isPending && <Text size="sm" role="status" data-testid="replay-cancelled">{t("routing.replay.cancelled")}</Text>}
        {replay.isError && <Alert color="red" role="alert" title={t("errors.title")}><span dir="auto">{errorText(replay.error)}</span></Alert>}
        {replay.isSuccess && <ReplayReport found={replay.data} />}
      </Stack>
    </div>
  );
}
