import { Button, Menu, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { usePresenceChange } from "../api/session";
import type { Me, Presence } from "../api/types";
import { useFormat } from "../i18n/format";
import { IconCheck, IconChevronDown } from "../parts/icons";
import { PresenceDot } from "../parts/PresenceDot";
import classes from "./Header.module.css";

const STATES: readonly Presence[] = ["online", "away", "offline"];

export function PresenceMenu({ me }: { me: Me }) {
  const { t } = useTranslation();
  const format = useFormat();
  const change = usePresenceChange();
  const load = t("presence.load", { used: format.number(me.used), capacity: format.number(me.capacity) });
  return (
    <Menu position="bottom-end" width={250}>
      <Menu.Target>
        <Tooltip label={load}>
          <Button
            variant="default" size="sm" radius="xl" px={12} className={classes.presence} data-testid="presence-switch"
            data-presence={me.presence} leftSection={<PresenceDot presence={me.presence} />}
            rightSection={<IconChevronDown size={14} aria-hidden="true" />}
            aria-label={`${t("presence.title")}: ${t(`presence.${me.presence}`)}. ${load}`}
          >
            {t(`presence.${me.presence}`)}
          </Button>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("presence.title")}</Menu.Label>
        {STATES.map((state) => (
          <Menu.Item
            key={state} leftSection={<PresenceDot presence={state} />} data-testid={`presence-${state}`}
            rightSection={state === me.presence ? <IconCheck size={16} aria-label={t("common.chosen")} /> : null}
            onClick={() => change.mutate(state)}
          >
            <span className={classes.choice}>
              {t(`presence.${state}`)}
              <span className={classes.hint}>{t(`presence.hint.${state}`)}</span>
            </span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
