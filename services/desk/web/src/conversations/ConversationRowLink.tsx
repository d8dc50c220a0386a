import { memo } from "react";
import { useTranslation } from "react-i18next";

import type { ConversationRow } from "../api/types";
import { hrefTo, type Route } from "../app/route";
import { useFormat } from "../i18n/format";
import { useChannelName } from "../parts/ChannelIcon";
import { IconHourglass, IconUser } from "../parts/icons";
import { PersonAvatar } from "../parts/PersonAvatar";
import { TierBadge } from "../parts/TierBadge";
import { Since, Time } from "../parts/Time";
import { Waiting } from "../parts/Waiting";
import { useDraft } from "../reply/drafts";
import classes from "./ConversationRowLink.module.css";

interface Props {
  row: ConversationRow;
  route: Route;
  me: string;
}

function Status({ row, me }: { row: ConversationRow; me: string }) {
  const { t } = useTranslation();
  if (row.state === "waiting" || row.state === "offered") {
    return (
      <span className={classes.status} data-state={row.state}>
        <IconHourglass size={13} stroke={1.75} aria-hidden="true" />
        {t(`states.${row.state}`)}
        {row.enqueued_at && <> · <Since at={row.enqueued_at} /></>}
      </span>
    );
  }
  if (row.state === "resolved") return <span className={classes.status}>{t("states.resolved")}</span>;
  if (row.assignee === me || !row.assignee_name) return null;
  return (
    <span className={classes.status}>
      <IconUser size={13} stroke={1.75} aria-hidden="true" />
      <span className="clip" dir="auto">{row.assignee_name}</span>
    </span>
  );
}

export const ConversationRowLink = memo(function ConversationRowLink({ row, route, me }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const channelName = useChannelName();
  const draft = useDraft(row.conversation_id);
  const open = route.conversation === row.conversation_id;
  const name = row.contact_name || t("contact.unknown");
  return (
    <a
      href={hrefTo({ ...route, conversation: row.conversation_id })} className={classes.row} data-open={open || undefined}
      aria-current={open ? "true" : undefined} data-testid="conversation-row" data-conversation={row.conversation_id} data-state={row.state}
    >
      <PersonAvatar name={row.contact_name} seed={row.contact_id} channel={row.channel} />
      <span className={classes.body}>
        <span className={classes.line}>
          <span className={`${classes.name} clip`} dir="auto" data-unread={row.unread > 0 || undefined}>{name}</span>
          <span className={classes.hidden}>, {channelName(row.channel)}, </span>
          <Time at={row.last_at} brief className={classes.time ?? ""} />
        </span>
        <span className={classes.line}>
          {draft && <b className={classes.draft}>{t("list.draft")}</b>}
          <span className={`${classes.preview} clip`} dir="auto" data-unread={row.unread > 0 || undefined}>
            {draft || row.subject || row.preview}
          </span>
          {row.unread > 0 && (
            <span className={classes.unread} aria-label={t("list.unread", { count: row.unread })}>{format.number(row.unread)}</span>
          )}
        </span>
        <span className={classes.line} data-last>
          <TierBadge tier={row.tier} />
          <Status row={row} me={me} />
          <Waiting row={row} />
        </span>
      </span>
    </a>
  );
});
