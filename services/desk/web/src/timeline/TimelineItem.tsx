import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { CallItem, EventItem, Item, MessageItem, NoteItem, ReplyItem } from "../api/types";
import { useFormat } from "../i18n/format";
import { ChannelIcon } from "../parts/ChannelIcon";
import {
  IconArrowsLeftRight, IconBell, IconCircleCheck, IconClock, IconHourglass, IconNote, IconPencil, IconTrash, IconUserCheck, IconX,
} from "../parts/icons";
import { Time } from "../parts/Time";
import { CallDetails, CallIcon, useCallTitle } from "./CallDetails";
import { DeliveryMark, DeliveryTrouble } from "./DeliveryMark";
import { useEventText } from "./eventText";
import { Files } from "./Files";
import { OutgoingControls } from "./OutgoingControls";
import classes from "./TimelineItem.module.css";

/** The customer changed what they had written, or took it back. */
function Amended({ item }: { item: MessageItem }) {
  const { t } = useTranslation();
  const format = useFormat();
  const at = item.deleted_at ?? item.edited_at;
  if (!at) return null;
  return (
    <span className={classes.amended} title={format.full(at)} data-testid={item.deleted_at ? "item-deleted" : "item-edited"}>
      {item.deleted_at ? <IconTrash size={13} aria-hidden="true" /> : <IconPencil size={13} aria-hidden="true" />}
      {t(item.deleted_at ? "timeline.deletedAt" : "timeline.editedAt", { time: format.time(at) })}
    </span>
  );
}

function Incoming({ item }: { item: MessageItem }) {
  return (
    <article className={classes.bubble} data-side="in" data-deleted={item.deleted_at ? true : undefined}>
      <header className={classes.head}>
        <ChannelIcon channel={item.channel} size={14} />
        <bdi className={classes.author}>{item.author}</bdi>
        <bdi className={`${classes.inbox} clip`}>{item.inbox}</bdi>
        <Time at={item.at} className={classes.time ?? ""} />
      </header>
      {item.subject && <p className={classes.subject} dir="auto">{item.subject}</p>}
      {item.text && <p className={classes.text} dir="auto">{item.text}</p>}
      <Files files={item.attachments} />
      <Amended item={item} />
    </article>
  );
}

function Reply({ item }: { item: ReplyItem }) {
  return (
    <article className={classes.bubble} data-side="out" data-pending={item.pending || undefined}>
      <header className={classes.head}>
        {item.channel && <ChannelIcon channel={item.channel} size={14} />}
        <bdi className={classes.author}>{item.author}</bdi>
        <Time at={item.at} className={classes.time ?? ""} />
        <DeliveryMark item={item} />
      </header>
      <p className={classes.text} dir="auto">{item.text}</p>
      <Files files={item.attachments ?? []} />
      <DeliveryTrouble item={item} />
      <OutgoingControls itemId={item.item_id} />
    </article>
  );
}

function Note({ item }: { item: NoteItem }) {
  const { t } = useTranslation();
  return (
    <article className={classes.bubble} data-side="note">
      <header className={classes.head}>
        <IconNote size={14} aria-hidden="true" />
        <span className={classes.author}>{t("timeline.noteBy", { name: `\u2068${item.author}\u2069` })}</span>
        <Time at={item.at} className={classes.time ?? ""} />
      </header>
      <p className={classes.text} dir="auto">{item.text}</p>
    </article>
  );
}

const EVENT_ICONS = {
  queued: IconHourglass, offered: IconBell, assigned: IconUserCheck, rejected: IconX, expired: IconClock,
  resolved: IconCircleCheck, transferred: IconArrowsLeftRight,
} as const;

function Happened({ item }: { item: EventItem }) {
  const Icon = EVENT_ICONS[item.code] ?? IconClock;
  const text = useEventText();
  return (
    <Text component="p" className={classes.event ?? ""} {...(item.sentence ? { title: item.sentence } : {})}>
      <Icon size={14} stroke={1.75} aria-hidden="true" />
      <span>{text(item)}</span>
      <Time at={item.at} className={classes.time ?? ""} />
    </Text>
  );
}

function Call({ item }: { item: CallItem }) {
  const title = useCallTitle();
  return (
    <article
      className={classes.bubble} data-side={item.call?.direction === "outbound" ? "out" : "in"} data-missed={item.missed || undefined}
      data-testid="call-item"
    >
      <header className={classes.head}>
        <CallIcon item={item} />
        <bdi className={classes.author}>{item.author}</bdi>
        <bdi className={`${classes.inbox} clip`}>{item.inbox}</bdi>
        <Time at={item.at} className={classes.time ?? ""} />
      </header>
      <p className={classes.subject}>{title(item)}</p>
      <CallDetails item={item} />
      <Files files={item.attachments ?? []} />
    </article>
  );
}

export function TimelineItem({ item }: { item: Item }) {
  switch (item.kind) {
    case "message":
      return <Incoming item={item} />;
    case "reply":
      return <Reply item={item} />;
    case "note":
      return <Note item={item} />;
    case "event":
      return <Happened item={item} />;
    case "call":
      return <Call item={item} />;
  }
}
