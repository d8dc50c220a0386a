import { Accordion, Anchor, Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useNames } from "../api/names";
import type { Comparison, Figures, FiguresPair, Outcome, ReplayNote } from "../api/types";
import { hrefTo } from "../app/route";
import { useFormat } from "../i18n/format";
import { Time } from "../parts/Time";
import classes from "./Routing.module.css";
import { secondsOf, useSaying } from "./saying";

type Row = { key: string; cells: ReactNode[] };

function Sheet({ heads, rows, label }: { heads: string[]; rows: Row[]; label: string }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table verticalSpacing={6} fz="sm" highlightOnHover aria-label={label}>
        <Table.Thead>
          <Table.Tr>{heads.map((head, index) => <Table.Th key={head} className={index > 0 ? classes.number ?? "" : ""}>{head}</Table.Th>)}</Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.key}>
              {row.cells.map((cell, index) => index === 0
                ? <Table.Th key={index} scope="row" fw={500}>{cell}</Table.Th>
                : <Table.Td key={index} className={classes.number ?? ""}>{cell}</Table.Td>)}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** How a figure is told; "—" for what was not measured. */
function useFigures() {
  const { t } = useTranslation();
  const format = useFormat();
  const none = t("routing.report.none");
  const wait = (value: number | null): string => (value === null ? none : format.seconds(value));
  const share = (value: number | null): string => (value === null ? none : format.percent(value));
  const lines: [string, (figures: Figures) => string][] = [
    ["arrived", (one) => format.number(one.arrived)],
    ["answered", (one) => format.number(one.answered)],
    ["abandoned", (one) => format.number(one.abandoned)],
    ["open", (one) => format.number(one.open)],
    ["mean", (one) => wait(one.wait_mean)],
    ["median", (one) => wait(one.wait_p50)],
    ["p95", (one) => wait(one.wait_p95)],
    ["longest", (one) => wait(one.wait_max)],
    ["level", (one) => share(one.service_level)],
  ];
  const both = (pair: FiguresPair, read: (figures: Figures) => string): ReactNode => {
    const [before, after] = [read(pair.recorded), read(pair.rehearsed)];
    return before === after ? before : <>{before} <span className="flip" aria-label={t("routing.report.becomes")}>→</span> <b>{after}</b></>;
  };
  return { lines, wait, share, both };
}

function Whole({ pair }: { pair: FiguresPair }) {
  const { t } = useTranslation();
  const { lines } = useFigures();
  const rows = lines.map(([key, read]) => ({ key, cells: [t(`routing.report.figures.${key}`), read(pair.recorded), read(pair.rehearsed)] }));
  return <Sheet label={t("routing.report.whole")} heads={[t("routing.report.figure"), t("routing.report.recorded"), t("routing.report.rehearsed")]} rows={rows} />;
}

function Queues({ queues }: { queues: Record<string, FiguresPair> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const names = useNames();
  const { wait, share, both } = useFigures();
  const rows = Object.entries(queues).map(([id, pair]) => ({
    key: id,
    cells: [
      <bdi key="name">{names.queue(id) || t("routing.report.none")}</bdi>, both(pair, (one) => format.number(one.arrived)), both(pair, (one) => format.number(one.answered)),
      both(pair, (one) => wait(one.wait_mean)), both(pair, (one) => wait(one.wait_p95)), both(pair, (one) => share(one.service_level)),
    ],
  }));
  const heads = ["queue", "arrived", "answered", "mean", "p95", "level"].map((key) => t(`routing.report.figures.${key}`));
  return <Sheet label={t("routing.report.byQueue")} heads={heads} rows={rows} />;
}

function Agents({ agents }: { agents: Record<string, [number, number]> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const names = useNames();
  const rows = Object.entries(agents).map(([id, [before, after]]) => ({
    key: id, cells: [<bdi key="name">{names.agent(id)}</bdi>, format.number(before), format.number(after)],
  }));
  return <Sheet label={t("routing.report.byAgent")} heads={[t("routing.report.agent"), t("routing.report.recorded"), t("routing.report.rehearsed")]} rows={rows} />;
}

function Fate({ outcome }: { outcome: Outcome }) {
  const { t } = useTranslation();
  const format = useFormat();
  const names = useNames();
  const wait = secondsOf(outcome.wait);
  const gone = secondsOf(outcome.abandoned);
  const where = `\u2068${names.queue(outcome.queue)}\u2069`;
  if (outcome.agent && wait !== null) return t("routing.report.fate.answered", { agent: `\u2068${names.agent(outcome.agent)}\u2069`, queue: where, wait: format.seconds(wait) });
  if (gone !== null) return t("routing.report.fate.abandoned", { queue: where, wait: format.seconds(gone) });
  return t("routing.report.fate.open", { queue: where });
}

function Differences({ found }: { found: Comparison }) {
  const { t } = useTranslation();
  const format = useFormat();
  const rows = found.differences.map((one) => ({
    key: one.work_item_id,
    cells: [
      <Anchor key="at" size="sm" href={hrefTo({ view: "all", queue: null, conversation: one.work_item_id })}><Time at={one.arrived_at} brief /></Anchor>,
      <Fate key="before" outcome={one.recorded} />, <Fate key="after" outcome={one.rehearsed} />,
    ],
  }));
  return (
    <>
      {found.different > rows.length && (
        <Text size="sm" c="dimmed" mb="xs">{t("routing.report.first", { shown: format.number(rows.length), all: format.number(found.different) })}</Text>
      )}
      <Sheet label={t("routing.report.who")} heads={[t("routing.report.arrivedAt"), t("routing.report.recorded"), t("routing.report.rehearsed")]} rows={rows} />
    </>
  );
}

function Remark({ note }: { note: ReplayNote }) {
  const { t, i18n } = useTranslation();
  const format = useFormat();
  const key = `routing.report.notes.${note.code}`;
  const count = note.about.count ?? 0;
  const known = i18n.exists(key, { count });
  return (
    <Text size="sm" c="dimmed" data-testid="replay-note" {...(known ? {} : { lang: "en", dir: "auto" })}>
      {known ? t(key, { count, shown: format.number(count) }) : note.sentence}
    </Text>
  );
}

/** Both runs side by side: sentences first, every table on demand. */
export function ReplayReport({ found }: { found: Comparison }) {
  const { t } = useTranslation();
  const format = useFormat();
  const say = useSaying();
  const anything = found.total.recorded.arrived > 0;
  const sections = [
    { key: "whole", title: t("routing.report.whole"), body: <Whole pair={found.total} />, there: anything },
    { key: "queues", title: t("routing.report.byQueue"), body: <Queues queues={found.queues} />, there: Object.keys(found.queues).length > 0 },
    { key: "agents", title: t("routing.report.byAgent"), body: <Agents agents={found.agents} />, there: Object.keys(found.agents).length > 0 },
    { key: "who", title: t("routing.report.who"), body: <Differences found={found} />, there: found.differences.length > 0 },
  ].filter((section) => section.there);
  return (
    <>
      <section className={classes.report} role="status" data-testid="replay-report">
        {say(found).map((sentence) => <p key={sentence} className={classes.said} style={{ margin: 0 }}>{sentence}</p>)}
        <Text size="sm" c="dimmed">{t("routing.report.caveat")}</Text>
        {found.notes.map((note) => <Remark key={note.code} note={note} />)}
        <Text size="xs" c="dimmed">{t("routing.report.read", { shown: format.number(found.entries), time: format.seconds(found.seconds) })}</Text>
      </section>
      <Accordion multiple variant="separated" chevronPosition="right">
        {sections.map((section) => (
          <Accordion.Item key={section.key} value={section.key}>
            <Accordion.Control data-testid={`report-${section.key}`}>{section.title}</Accordion.Control>
            <Accordion.Panel>{section.body}</Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </>
  );
}
