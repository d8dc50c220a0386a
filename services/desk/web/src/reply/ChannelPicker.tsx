import { Button, Menu, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { ReplyOption } from "../api/types";
import { ChannelIcon, useChannelName } from "../parts/ChannelIcon";
import { IconBolt, IconCheck, IconChevronDown } from "../parts/icons";
import { useWhy } from "../parts/why";
import classes from "./ChannelPicker.module.css";

interface Props {
  options: ReplyOption[];
  /** Null leaves the choice to the notifier. */
  value: string | null;
  fallback: string;
  onChange: (channel: string | null) => void;
}

function Choice({ title, hint, why }: { title: string; hint?: string; why: string }) {
  return (
    <span className={classes.choice}>
      <span>{title} {hint && <bdi className={classes.address}>{hint}</bdi>}</span>
      {why && <span className={classes.why} dir="auto">{why}</span>}
    </span>
  );
}

export function ChannelPicker({ options, value, fallback, onChange }: Props) {
  const { t } = useTranslation();
  const channelName = useChannelName();
  const why = useWhy();
  const best = options.find((one) => one.default);
  const shown = value ?? best?.channel ?? fallback;
  const chosen = value === null ? best : options.find((one) => one.channel === value);
  const tick = <IconCheck size={16} aria-label={t("common.chosen")} />;
  return (
    <Menu position="top-end" width={320}>
      <Menu.Target>
        <Tooltip label={why(chosen?.why ?? "")} disabled={!chosen?.why}>
          <Button
            size="compact-sm" variant="subtle" color="gray" className={classes.button} data-testid="channel-picker" data-channel={shown}
            leftSection={<ChannelIcon channel={shown} size={16} bare />} rightSection={<IconChevronDown size={14} />}
          >
            {value === null ? t("reply.autoChannel", { channel: channelName(shown) }) : t("reply.viaChannel", { channel: channelName(shown) })}
          </Button>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("reply.channel")}</Menu.Label>
        <Menu.Item leftSection={<IconBolt size={17} />} rightSection={value === null && tick} onClick={() => onChange(null)} data-testid="channel-auto">
          <Choice title={t("reply.auto", { channel: channelName(best?.channel ?? fallback) })} why={why(best?.why ?? "")} />
        </Menu.Item>
        {options.map((one) => (
          <Menu.Item
            key={one.channel} leftSection={<ChannelIcon channel={one.channel} size={17} bare />} rightSection={value === one.channel && tick}
            onClick={() => onChange(one.channel)} data-testid={`channel-${one.channel}`}
          >
            <Choice title={channelName(one.channel)} hint={one.address_hint} why={one.default ? "" : why(one.why)} />
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
