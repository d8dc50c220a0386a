import { Button, Group, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useFormat } from "../i18n/format";
import { useNow } from "../parts/Time";
import { dispatchNow, undo, useOutgoing, type Outgoing } from "../reply/outbox";

function Held({ out }: { out: Outgoing }) {
  const { t } = useTranslation();
  const format = useFormat();
  useNow(250);
  const left = Math.max(0, Math.ceil((out.until - Date.now()) / 1000));
  return (
    <Group gap={6} mt={6}>
      <Button size="compact-xs" variant="default" onClick={() => undo(out.key)} data-testid="undo-send">{t("reply.undo")}</Button>
      <Button size="compact-xs" variant="subtle" onClick={() => dispatchNow(out.key)}>{t("reply.now")}</Button>
      <Text size="xs" aria-hidden="true">{t("reply.heldFor", { seconds: format.number(left) })}</Text>
    </Group>
  );
}

/** Undo while a reply is held; another try when it could not be sent. */
export function OutgoingControls({ itemId }: { itemId: string }) {
  const { t } = useTranslation();
  const out = useOutgoing(itemId);
  if (!out || out.state === "sending") return null;
  if (out.state === "held") return <Held out={out} />;
  return (
    <Group gap={6} mt={6} role="alert">
      <Text size="xs" c="var(--desk-bad)" fw={600}>{t("reply.failed")}</Text>
      {out.error && <Text size="xs" c="var(--desk-bad)" dir="auto">{out.error}</Text>}
      <Button size="compact-xs" variant="default" onClick={() => dispatchNow(out.key)}>{t("common.retry")}</Button>
      <Button size="compact-xs" variant="subtle" color="gray" onClick={() => undo(out.key)}>{t("reply.backToDraft")}</Button>
    </Group>
  );
}
