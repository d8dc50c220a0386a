import { Button, Menu, Text, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { usePresenceChange } from "../api/session";
import type { Me, Presence } from "../api/types";
import { useFormat } from "../i18n/format";
import { IconCheck, IconChevronDown, IconEye } from "../parts/icons";
import { PresenceDot } from "../parts/PresenceDot";
import classes from "./Header.module.css";

const STATES: readonly Presence[] = ["online", "away", "offline"];

export function PresenceMenu({ me }: { me: Me }) {
  const { t } = useTranslation();
  const format = useFormat();
  const change = usePresenceChange();
  const onlooker = me.presence !== "offline" && !me.present_here;
  const load = t("presence.load", { used: format.number(me.used), capacity: format.number(me.capacity) });
  return (
    <Menu position="bottom-end" width={250}>
      <Menu.Target>
        <Tooltip label={onlooker ? t("presence.onlooker") : load} multiline maw={320}>
          <Button
            variant="default" size="sm" radius="xl" px={12} className={classes.presence} data-testid="presence-switch"
            data-presence={me.presence} data-onlooker={onlooker} leftSection={<PresenceDot presence={me.presence} />}
            rightSection={onlooker ? <IconEye size={15} aria-hidden="true" /> : <IconChevronDown size={14} aria-hidden="true" />}
            aria-label={`${t("presence.title")}: ${t(`presence.${me.presence}`)}. ${onlooker ? `${t("presence.onlooker")} ` : ""}${load}`}
          >
            {t(`presence.${me.presence}`)}
          </Button>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("presence.title")}</Menu.Label>
        {onlooker && <Text size="xs" c="dimmed" px="sm" pb={6} data-testid="presence-onlooker">{t("presence.onlooker")}</Text>}
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
