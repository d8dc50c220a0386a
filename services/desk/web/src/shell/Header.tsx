import { ActionIcon, Badge, Group, Kbd, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { spotlight } from "@mantine/spotlight";
import { useTranslation } from "react-i18next";

import { useSessionChange } from "../api/session";
import type { Me } from "../api/types";
import { useLive } from "../live/LiveProvider";
import { Brand } from "../parts/Brand";
import { IconCloudOff, IconMenu2, IconSearch } from "../parts/icons";
import classes from "./Header.module.css";
import { LocaleMenu } from "./LocaleSwitch";
import { PresenceMenu } from "./PresenceMenu";
import { SchemeToggle } from "./SchemeToggle";
import { UserMenu } from "./UserMenu";

interface Props {
  me: Me;
  onMenu: () => void;
  onShortcuts: () => void;
}

function Connection() {
  const { t } = useTranslation();
  const { status } = useLive();
  if (status !== "offline") return null;
  return (
    <Tooltip label={t("live.lostHint")}>
      <Badge variant="light" color="orange" c="var(--desk-warn)" size="lg" radius="xl" role="status" leftSection={<IconCloudOff size={15} />}>
        {t("live.lost")}
      </Badge>
    </Tooltip>
  );
}

export function Header({ me, onMenu, onShortcuts }: Props) {
  const { t } = useTranslation();
  const change = useSessionChange();
  return (
    <header className={classes.header}>
      <Group gap={8} wrap="nowrap">
        <ActionIcon className={classes.burger} variant="subtle" color="gray" size="lg" onClick={onMenu} aria-label={t("shell.menu")}>
          <IconMenu2 size={20} stroke={1.75} />
        </ActionIcon>
        <Brand size={26} />
        <Text fw={700} fz={16} className={classes.name}>{t("brand")}</Text>
      </Group>
      <UnstyledButton className={classes.search} onClick={spotlight.open} aria-keyshortcuts="Control+K">
        <IconSearch size={16} stroke={1.75} aria-hidden="true" />
        <span className={classes.searchText}>{t("palette.open")}</span>
        <Kbd size="xs" className={classes.kbd} dir="ltr" aria-hidden="true">Ctrl K</Kbd>
      </UnstyledButton>
      <Group gap={6} wrap="nowrap" justify="flex-end">
        <Connection />
        <PresenceMenu me={me} />
        <LocaleMenu />
        <span className={classes.scheme}><SchemeToggle onChange={(color_scheme) => change.mutate({ color_scheme })} /></span>
        <UserMenu me={me} onShortcuts={onShortcuts} />
      </Group>
    </header>
  );
}
