import { ActionIcon, Menu, SegmentedControl, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useSessionChange } from "../api/session";
import type { Locale } from "../api/types";
import { LOCALES, pickBeforeLogin } from "../i18n";
import { IconCheck, IconLanguage } from "../parts/icons";

/** Before login: all three languages in sight, each in its own script. */
export function LocalePicker() {
  const { t, i18n } = useTranslation();
  return (
    <SegmentedControl
      size="sm" radius="xl" aria-label={t("shell.language")} data-testid="locale-switch" value={i18n.language}
      onChange={(value) => void pickBeforeLogin(value as Locale)}
      data={LOCALES.map(({ code, name }) => ({
        value: code, label: <span lang={code} data-testid={`locale-${code}`}>{name}</span>,
      }))}
    />
  );
}

/** After login: the choice is kept with the account too. */
export function LocaleMenu() {
  const { t, i18n } = useTranslation();
  const change = useSessionChange();
  return (
    <Menu position="bottom-end" width={180}>
      <Menu.Target>
        <Tooltip label={t("shell.language")}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("shell.language")} data-testid="locale-switch">
            <IconLanguage size={19} stroke={1.75} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {LOCALES.map(({ code, name }) => (
          <Menu.Item
            key={code} lang={code} onClick={() => change.mutate({ locale: code })} data-testid={`locale-${code}`}
            rightSection={code === i18n.language ? <IconCheck size={16} aria-label={t("common.chosen")} /> : null}
          >
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
