import { Button, Group, Paper, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { usePresenceChange } from "../api/session";
import type { Me } from "../api/types";
import { IconAlertTriangle } from "../parts/icons";

/** An offer ran out here: nothing more is offered until the person says that they are there. */
export function NotResponding({ me }: { me: Me }) {
  const { t } = useTranslation();
  const change = usePresenceChange();
  if (!me.not_responding || me.presence !== "online") return null;
  return (
    <Paper withBorder shadow="md" p="sm" radius="md" role="alert" style={{ borderColor: "var(--desk-warn)" }} data-testid="not-responding">
      <Group gap={8} wrap="nowrap" align="flex-start">
        <IconAlertTriangle size={18} color="var(--desk-warn)" aria-hidden="true" style={{ flex: "none" }} />
        <div>
          <Text size="sm" fw={600}>{t("presence.missed")}</Text>
          <Text size="sm" c="dimmed">{t("presence.missedHint")}</Text>
          <Button size="compact-sm" mt={8} onClick={() => change.mutate("online")} data-testid="i-am-back">{t("presence.back")}</Button>
        </div>
      </Group>
    </Paper>
  );
}
