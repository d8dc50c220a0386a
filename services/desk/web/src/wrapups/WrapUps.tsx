import { Anchor, Button, Group, Paper, Progress, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useWrapUpDone } from "../api/actions";
import { useNames } from "../api/names";
import { useWrapUps } from "../api/queries";
import type { WrapUp } from "../api/types";
import { go } from "../app/route";
import { useFormat } from "../i18n/format";
import { IconCheck } from "../parts/icons";
import { useNow } from "../parts/Time";

function Card({ wrapUp, now }: { wrapUp: WrapUp; now: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const names = useNames();
  const done = useWrapUpDone();
  const ends = Date.parse(wrapUp.until);
  const [whole] = useState(() => Math.max(1, ends - now));
  const left = Math.max(0, ends - now);
  const name = wrapUp.contact_name || t("contact.unknown");
  return (
    <Paper component="article" withBorder shadow="md" p="sm" radius="md" aria-label={t("wrapUp.of", { name })} data-testid="wrap-up">
      <Stack gap={8}>
        <Group justify="space-between" wrap="nowrap" gap="sm">
          <div style={{ minInlineSize: 0 }}>
            <Text size="xs" c="dimmed">{t("wrapUp.title")} · <bdi>{names.queue(wrapUp.queue_id)}</bdi></Text>
            <Anchor
              component="button" fw={600} fz="sm" c="inherit" className="clip" maw="100%" ta="start"
              onClick={() => go({ view: "resolved", queue: null, conversation: wrapUp.conversation_id })}
            >
              <bdi>{name}</bdi>
            </Anchor>
          </div>
          <Button size="compact-sm" flex="none" leftSection={<IconCheck size={15} />} onClick={() => done.mutate(wrapUp.conversation_id)} data-testid="wrap-up-done">
            {t("wrapUp.done")}
          </Button>
        </Group>
        <Progress value={Math.min(100, (left / whole) * 100)} size={4} aria-hidden="true" />
        <Text size="xs" c="dimmed" role="timer">{t("wrapUp.left", { time: format.duration(Math.ceil(left / 1000)) })}</Text>
      </Stack>
    </Paper>
  );
}

/** What is still to be finished after contacts: new work comes when the time is over, or on "done". */
export function WrapUps() {
  const found = useWrapUps().data ?? [];
  const now = useNow(500);
  return found.filter((one) => Date.parse(one.until) > now).map((one) => <Card key={`${one.conversation_id}-${one.until}`} wrapUp={one} now={now} />);
}
