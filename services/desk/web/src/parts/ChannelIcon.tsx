import { Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import {
  IconBrandTelegram, IconDeviceMobileMessage, IconMail, IconMessageCircle, IconPhone, IconWorld,
} from "./icons";

const ICONS = {
  email: IconMail,
  sms: IconDeviceMobileMessage,
  telegram: IconBrandTelegram,
  webchat: IconMessageCircle,
  call: IconPhone,
} as const;

/** A channel of the house by its translated name, a third-party one by its own. */
export function useChannelName(): (channel: string) => string {
  const { t } = useTranslation();
  return (channel) => t(`channels.${channel}`, { defaultValue: channel });
}

interface Props {
  channel: string;
  size?: number;
  /** Without a tooltip the name must stand beside the icon. */
  bare?: boolean;
}

export function ChannelIcon({ channel, size = 16, bare = false }: Props) {
  const name = useChannelName()(channel);
  const Icon = channel in ICONS ? ICONS[channel as keyof typeof ICONS] : IconWorld;
  if (bare) return <Icon size={size} stroke={1.75} aria-hidden="true" />;
  return (
    <Tooltip label={name}>
      <Icon size={size} stroke={1.75} role="img" aria-label={name} />
    </Tooltip>
  );
}
