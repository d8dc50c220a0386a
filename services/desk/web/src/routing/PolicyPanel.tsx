import { Badge, Button, Center, Group, Loader, Select, Stack, Text, Textarea, Title } from "@mantine/core";
import { useDebouncedValue, useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { call } from "../api/client";
import { keys } from "../api/keys";
import { useLint, usePolicies, usePolicy } from "../api/routing";
import type { Policy } from "../api/types";
import { errorText, showError } from "../app/errors";
import { go } from "../app/route";
import { useFormat } from "../i18n/format";
import { IconHistory, IconRefresh } from "../parts/icons";
import { Nothing } from "../parts/Nothing";
import { ApplyDialog } from "./ApplyDialog";
import { Changes } from "./Changes";
import { policyDraft, usePolicyDraft } from "./draft";
import { Findings } from "./Findings";
import classes from "./Routing.module.css";

function InForce({ policy }: { policy: Policy }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { applied_at, applied_by } = policy;
  return (
    <Text size="sm" c="dimmed" data-testid="policy-in-force">
      {t("routing.policy.inForce")} <Badge size="lg" radius="sm" variant="light" tt="none"><bdi>{policy.version}</bdi></Badge>{" "}
      {applied_at && applied_by
        ? t("routing.policy.since", { time: format.full(applied_at), name: `\u2068${applied_by}\u2069` })
        : t(policy.version === "built-in" ? "routing.policy.builtIn" : "routing.policy.elsewhere")}
    </Text>
  );
}

/** Puts the caret on a line and shows it. */
function showLine(area: HTMLTextAreaElement | null, line: number): void {
  if (!area) return;
  const lines = area.value.split("\n");
  const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, (line - 4) * Number.parseFloat(getComputedStyle(area).lineHeight));
}

function Versions({ inForce, onOpen }: { inForce: Policy; onOpen: (policy: Policy) => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const versions = usePolicies().data ?? [];
  const open = (version: string): void => {
    const queryFn = () => call<Policy>("GET", `/api/routing/policies/${encodeURIComponent(version)}`);
    client.fetchQuery({ queryKey: keys.policy(version), queryFn }).then(onOpen, showError);
  };
  return (
    <Select
      size="sm" w={220} aria-label={t("routing.policy.open")} placeholder={t("routing.policy.open")} value={null} searchable data-testid="policy-versions"
      data={versions.map((one) => ({ value: one.version, label: one.version === inForce.version ? t("routing.policy.isInForce", { version: one.version }) : one.version }))}
      onChange={(version) => version && open(version)} nothingFoundMessage={t("list.notFound")}
    />
  );
}

function Editor({ inForce }: { inForce: Policy }) {
  const { t } = useTranslation();
  const draft = usePolicyDraft();
  const text = draft ?? inForce.text;
  const [checked] = useDebouncedValue(text, 400);
  const lint = useLint(checked);
  const versions = usePolicies().data ?? [];
  const [applying, dialog] = useDisclosure(false);
  const [opened, setOpened] = useState<Policy | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const write = (value: string): void => policyDraft.set(value === inForce.text ? null : value);
  const settled = lint.isSuccess && !lint.isPlaceholderData && checked === text;
  return (
    <>
      <Group justify="space-between" align="end" mt="md" mb="xs">
        <Versions inForce={inForce} onOpen={(policy) => {
          setOpened(policy);
          write(policy.text);
        }} />
        <Group gap="xs">
          <Button variant="subtle" color="gray" disabled={draft === null} onClick={() => policyDraft.set(null)} data-testid="policy-discard">{t("routing.policy.discard")}</Button>
          <Button variant="light" leftSection={<IconHistory size={17} aria-hidden="true" />} onClick={() => go({ panel: "replay" })} data-testid="policy-try">{t("routing.policy.tryOut")}</Button>
          <Button disabled={draft === null || !settled} onClick={dialog.open} data-testid="policy-apply">{t("routing.policy.apply")}</Button>
        </Group>
      </Group>
      <div className={classes.columns}>
        <Textarea
          ref={area} className={classes.editor ?? ""} value={text} onChange={(event) => write(event.currentTarget.value)}
          aria-label={t("routing.policy.text")} dir="ltr" spellCheck={false} autoCapitalize="off" autoCorrect="off" maxLength={50_000} wrap="off" data-testid="policy-text"
        />
        <div className={classes.side}>
          <Findings findings={lint.data?.findings} checking={lint.isFetching} error={lint.error} onLine={(line) => showLine(area.current, line)} />
          <Changes before={inForce.text} after={text} version={inForce.version} />
        </div>
      </div>
      {applying && (
        <ApplyDialog
          text={text} inForce={inForce} taken={versions.map((one) => one.version)} findings={lint.data?.findings ?? []}
          known={opened?.text === text ? opened.version : null} onClose={dialog.close}
        />
      )}
    </>
  );
}

/** The policy in force, and the next one: written, checked while it is written, compared, put in force. */
export function PolicyPanel() {
  const { t } = useTranslation();
  const found = usePolicy();
  return (
    <div className={`${classes.page} quiet-scroll`} data-testid="policy-panel">
      <div className={classes.inner}>
        <Stack gap={4}>
          <Title order={1} fz="xl">{t("routing.policy.title")}</Title>
          {found.data && <InForce policy={found.data} />}
        </Stack>
        {found.isPending && <Center mih={240}><Loader aria-label={t("common.loading")} /></Center>}
        {found.isError && !found.data && (
          <Nothing icon={<IconRefresh size={32} stroke={1.25} />} title={errorText(found.error)}>
            <Button variant="light" mt="sm" onClick={() => void found.refetch()}>{t("common.retry")}</Button>
          </Nothing>
        )}
        {found.data && <Editor inForce={found.data} />}
      </div>
    </div>
  );
}
