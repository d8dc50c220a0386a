import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { ColorScheme } from "../api/types";
import { IconMoon, IconSun } from "../parts/icons";

export function SchemeToggle({ onChange }: { onChange?: (scheme: ColorScheme) => void }) {
  const { t } = useTranslation();
  const { setColorScheme } = useMantineColorScheme();
  const now = useComputedColorScheme("light");
  const next = now === "dark" ? "light" : "dark";
  const label = t(`shell.scheme.${next}`);
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle" color="gray" size="lg" aria-label={label} data-testid="scheme-toggle"
        onClick={() => {
          setColorScheme(next);
          onChange?.(next);
        }}
      >
        {next === "dark" ? <IconMoon size={19} stroke={1.75} /> : <IconSun size={19} stroke={1.75} />}
      </ActionIcon>
    </Tooltip>
  );
}
