import { Tooltip, UnstyledButton } from "@mantine/core";
import type { ComponentType } from "react";
import { useTranslation } from "react-i18next";

import type { DeliveryStateName, ReplyItem } from "../api/types";
import { useFormat } from "../i18n/format";
import { useChannelName } from "../parts/ChannelIcon";
import {
  IconAlertTriangle, IconBan, IconCheck, IconChecks, IconCircleDashed, IconClock, IconEyeCheck, IconHelpCircle, IconMailOff,
  IconPlayerPause, IconRefresh, IconSend, IconX,
} from "../parts/icons";
import { useWhy } from "../parts/why";
import classes from "./DeliveryMark.module.css";

type Tone = "quiet" | "good" | "warn" | "bad";
type Icon = ComponentType<{ size?: number; stroke?: number }>;

const LOOK: Record<DeliveryStateName, [Icon, Tone]> = {
  accepted: [IconClock, "quiet"],
  queued: [IconClock, "quiet"],
  sending: [IconSend, "quiet"],
  sent: [IconCheck, "quiet"],
  delivered: [IconChecks, "quiet"],
  read: [IconEyeCheck, "good"],
  deferred: [IconPlayerPause, "warn"],
  retry_wait: [IconRefresh, "warn"],
  unknown: [IconHelpCircle, "warn"],
  suppressed: [IconBan, "bad"],
  expired: [IconClock, "bad"],
  failed: [IconAlertTriangle, "bad"],
  undelivered: [IconX, "bad"],
  bounced: [IconMailOff, "bad"],
  cancelled: [IconBan, "quiet"],
};

/** Why a reply did not arrive stands below it, not in a tooltip: somebody has to act on it. */
export function DeliveryTrouble({ item }: { item: ReplyItem }) {
  const why = useWhy();
  const delivery = item.delivery;
  if (!delivery?.why || LOOK[delivery.state]?.[1] !== "bad") return null;
  return <p className={classes.trouble} dir="auto" data-testid="delivery-trouble">{why(delivery.why)}</p>;
}

/** How far one reply has come, and why there and on that channel: by icon, in words on demand. */
export function DeliveryMark({ item }: { item: ReplyItem }) {
  const { t } = useTranslation();
  const format = useFormat();
  const channelName = useChannelName();
  const why = useWhy();
  const state = item.delivery?.state ?? (item.pending ? "pending" : "accepted");
  const [Icon, tone] = state === "pending" ? ([IconCircleDashed, "quiet"] as const) : (LOOK[state] ?? LOOK.unknown);
  const words = t(`delivery.${state}`, { defaultValue: state });
  const channel = item.delivery?.channel ?? item.channel;
  const details = [channel && channelName(channel), item.delivery && format.time(item.delivery.at)].filter(Boolean).join(" · ");
  return (
    <Tooltip
      label={
        <>
          <b>{words}</b>
          {details && <div>{details}</div>}
          {item.delivery?.why && <div dir="auto">{why(item.delivery.why)}</div>}
        </>
      }
    >
      <UnstyledButton
        className={classes.mark} data-tone={tone} data-testid="delivery-state" data-state={state}
        aria-label={[words, details, item.delivery && why(item.delivery.why)].filter(Boolean).join(". ")}
      >
        <Icon size={15} stroke={2} />
        {tone === "bad" && <span>{words}</span>}
      </UnstyledButton>
    </Tooltip>
  );
}
