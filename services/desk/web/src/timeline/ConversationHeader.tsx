import { ActionIcon, Button, Group, Text, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { ConversationRow } from "../api/types";
import { closeConversation } from "../conversations/ConversationList";
import { useChannelName } from "../parts/ChannelIcon";
import { IconArrowLeft, IconArrowsLeftRight, IconCheck, IconRoute, IconUser } from "../parts/icons";
import { Since } from "../parts/Time";
import { Waiting } from "../parts/Waiting";
import classes from "./ConversationHeader.module.css";

interface Props {
  conversation: ConversationRow;
  roomForCard: boolean;
  onResolve: () => void;
  onTransfer: () => void;
  onExplain: () => void;
  onCard: () => void;
}

function Standing({ conversation }: { conversation: ConversationRow }) {
  const { t } = useTranslation();
  const channel = useChannelName()(conversation.channel);
  const { state, assignee_name, enqueued_at } = conversation;
  return (
    <Text size="xs" c="dimmed" className="clip">
      {channel}
      {" · "}
      {state === "assigned" && assignee_name ? t("states.assignedTo", { name: `\u2068${assignee_name}\u2069` }) : t(`states.${state}`)}
      {(state === "waiting" || state === "offered") && enqueued_at && <> · <Since at={enqueued_at} /></>}
    </Text>
  );
}

export function ConversationHeader({ conversation, roomForCard, onResolve, onTransfer, onExplain, onCard }: Props) {
  const { t } = useTranslation();
  const open = conversation.state !== "resolved";
  const why = t(conversation.state === "waiting" ? "explain.titleWaiting" : "explain.open");
  const title = conversation.subject || conversation.contact_name || t("contact.unknown");
  return (
    <header className={classes.header}>
      <ActionIcon className={classes.back} variant="subtle" color="gray" size="lg" onClick={closeConversation} aria-label={t("timeline.back")}>
        <IconArrowLeft size={20} className="flip" />
      </ActionIcon>
      <div className={classes.title}>
        <Text component="h2" fw={650} fz={16} className="clip" dir="auto">{title}</Text>
        <Group gap={8} wrap="nowrap">
          <Standing conversation={conversation} />
          <Waiting row={conversation} />
        </Group>
      </div>
      <Group gap={4} wrap="nowrap">
        <Tooltip label={why}>
          <ActionIcon variant="subtle" color="gray" size="lg" onClick={onExplain} aria-label={why} aria-keyshortcuts="w" data-testid="explain-open">
            <IconRoute size={19} stroke={1.75} />
          </ActionIcon>
        </Tooltip>
        {!roomForCard && (
          <Tooltip label={t("contact.title")}>
            <ActionIcon variant="subtle" color="gray" size="lg" onClick={onCard} aria-label={t("contact.title")} aria-keyshortcuts="c" data-testid="contact-open">
              <IconUser size={19} stroke={1.75} />
            </ActionIcon>
          </Tooltip>
        )}
        {open && (
          <>
            <Tooltip label={t("transfer.open")}>
              <ActionIcon variant="subtle" color="gray" size="lg" onClick={onTransfer} aria-label={t("transfer.open")} aria-keyshortcuts="t" data-testid="transfer-button">
                <IconArrowsLeftRight size={19} stroke={1.75} />
              </ActionIcon>
            </Tooltip>
            <Button
              variant="light" size="sm" className={classes.resolve} leftSection={<IconCheck size={17} />} onClick={onResolve}
              aria-label={t("resolve.open")} aria-keyshortcuts="e" data-testid="resolve-button"
            >
              <span className={classes.resolveText}>{t("resolve.open")}</span>
            </Button>
          </>
        )}
      </Group>
    </header>
  );
}
