import { Group, Kbd, Modal, Stack, Text } from "@mantine/core";
import { Fragment } from "react";
import { useTranslation } from "react-i18next";

import { usePreferences } from "../app/preferences";
import classes from "./ShortcutsHelp.module.css";

const KEYS: readonly [string, readonly string[]][] = [
  ["palette", ["Ctrl", "K"]],
  ["accept", ["A"]],
  ["decline", ["D"]],
  ["reply", ["R"]],
  ["note", ["N"]],
  ["send", ["Ctrl", "Enter"]],
  ["resolve", ["E"]],
  ["transfer", ["T"]],
  ["why", ["W"]],
  ["next", ["J"]],
  ["previous", ["K"]],
  ["close", ["U"]],
  ["card", ["C"]],
  ["search", ["/"]],
  ["views", ["1", "…", "4"]],
  ["help", ["?"]],
];

export function ShortcutsHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const { singleKeys } = usePreferences();
  return (
    <Modal opened={opened} onClose={onClose} size="lg" title={<Text fw={650}>{t("shortcuts.title")}</Text>} closeButtonProps={{ "aria-label": t("common.close") }}>
      <Stack>
        <Text size="sm" c="dimmed">{t(singleKeys ? "shortcuts.layout" : "shortcuts.off")}</Text>
        <dl className={classes.keys}>
          {KEYS.map(([name, keys]) => (
            <div key={name}>
              <dt>{t(`shortcuts.${name}`)}</dt>
              <dd>
                <Group gap={4} wrap="nowrap" dir="ltr">
                  {keys.map((key) => <Fragment key={key}>{key === "…" ? "…" : <Kbd size="sm">{key}</Kbd>}</Fragment>)}
                </Group>
              </dd>
            </div>
          ))}
        </dl>
      </Stack>
    </Modal>
  );
}
