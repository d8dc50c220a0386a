import { Button, Divider, Popover, SegmentedControl, Stack, Switch, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useTranslation } from "react-i18next";

import { useLogout } from "../api/session";
import type { Me } from "../api/types";
import { preferences, usePreferences, type UndoSend } from "../app/preferences";
import { IconKeyboard, IconLogout } from "../parts/icons";
import { PersonAvatar } from "../parts/PersonAvatar";
import { sendAllHeld } from "../reply/outbox";

const UNDO: readonly UndoSend[] = ["off", "letters", "always"];

function Settings() {
  const { t } = useTranslation();
  const chosen = usePreferences();
  return (
    <Stack gap={10} px="sm" py={6}>
      <Switch
        size="sm" label={t("settings.sound")} checked={chosen.sound}
        onChange={(event) => preferences.set({ sound: event.currentTarget.checked })}
      />
      <Switch
        size="sm" label={t("settings.singleKeys")} checked={chosen.singleKeys}
        onChange={(event) => preferences.set({ singleKeys: event.currentTarget.checked })}
      />
      <Stack gap={4}>
        <Text size="sm" id="undo-label">{t("settings.undo")}</Text>
        <SegmentedControl
          size="xs" fullWidth aria-labelledby="undo-label" value={chosen.undoSend}
          onChange={(value) => preferences.set({ undoSend: value as UndoSend })}
          data={UNDO.map((value) => ({ value, label: t(`settings.undoSend.${value}`) }))}
        />
      </Stack>
    </Stack>
  );
}

/** A dialog rather than a menu, because it holds switches. */
export function UserMenu({ me, onShortcuts }: { me: Me; onShortcuts: () => void }) {
  const { t } = useTranslation();
  const logout = useLogout();
  const [opened, { toggle, close }] = useDisclosure(false);
  const row = { variant: "subtle", color: "gray", justify: "start", fullWidth: true, size: "sm" } as const;
  return (
    <Popover position="bottom-end" width={300} shadow="lg" opened={opened} onDismiss={close} trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton data-testid="user-menu" style={{ borderRadius: "50%" }} onClick={toggle}>
          <PersonAvatar name={me.name} seed={me.agent_id} size={34} />
          <VisuallyHidden>{t("shell.account", { name: me.name })}</VisuallyHidden>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p={6} aria-label={t("shell.account", { name: me.name })}>
        <Stack gap={0} px="sm" py={8}>
          <Text fw={600} dir="auto" className="clip">{me.name}</Text>
          <Text size="xs" c="dimmed">{t(`roles.${me.role}`)}</Text>
        </Stack>
        <Divider my={4} />
        <Settings />
        <Divider my={4} />
        <Button
          {...row} leftSection={<IconKeyboard size={17} />}
          onClick={() => {
            close();
            onShortcuts();
          }}
        >
          {t("shortcuts.title")}
        </Button>
        <Button
          {...row} leftSection={<span className="flip"><IconLogout size={17} /></span>} data-testid="logout"
          onClick={() => {
            sendAllHeld();
            logout.mutate();
          }}
        >
          {t("shell.logout")}
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
