import { Button, Center, Drawer, Loader } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { markRead } from "../api/actions";
import { useConversation } from "../api/queries";
import type { ConversationDetail, Me } from "../api/types";
import { errorText } from "../app/errors";
import { closeConversation } from "../conversations/ConversationList";
import { ContactPanel } from "../contact/ContactPanel";
import { ResolveDialog } from "../dialogs/ResolveDialog";
import { TransferDialog } from "../dialogs/TransferDialog";
import { ExplainDrawer } from "../explain/ExplainDrawer";
import { IconMessages, IconRefresh } from "../parts/icons";
import { Nothing } from "../parts/Nothing";
import { ReplyBox } from "../reply/ReplyBox";
import { focusById, useSingleKeys } from "../shell/keys";
import { ConversationHeader } from "./ConversationHeader";
import classes from "./ConversationPane.module.css";
import { Timeline } from "./Timeline";

export function ConversationPane({ id, me }: { id: string | null; me: Me }) {
  const { t } = useTranslation();
  const found = useConversation(id);
  if (id === null) {
    return <div className={classes.alone}><Nothing icon={<IconMessages size={40} stroke={1.1} />} title={t("timeline.none")} hint={t("timeline.noneHint")} /></div>;
  }
  if (found.isPending) return <Center h="100%"><Loader aria-label={t("common.loading")} /></Center>;
  if (found.isError) {
    return (
      <div className={classes.alone}>
        <Nothing icon={<IconRefresh size={32} stroke={1.25} />} title={errorText(found.error)}>
          <Button variant="light" mt="sm" onClick={() => void found.refetch()}>{t("common.retry")}</Button>
        </Nothing>
      </div>
    );
  }
  return <OpenConversation detail={found.data} me={me} />;
}

function OpenConversation({ detail, me }: { detail: ConversationDetail; me: Me }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { conversation, contact, timeline } = detail;
  const id = conversation.conversation_id;
  const [resolving, resolve] = useDisclosure(false);
  const [transferring, transfer] = useDisclosure(false);
  const [explaining, explain] = useDisclosure(false);
  const [card, cardControl] = useDisclosure(false);
  const roomForCard = useMediaQuery("(min-width: 1181px)", true, { getInitialValueInEffect: false });
  const open = conversation.state !== "resolved";

  useEffect(() => {
    if (!document.hidden) markRead(client, id);
  }, [client, id, conversation.unread, timeline.length]);

  useSingleKeys([
    ["r", () => focusById("reply-text")],
    ["n", () => document.querySelector<HTMLElement>("[data-testid='tab-note']")?.click()],
    ["w", explain.open],
    ["u", closeConversation],
    ["c", cardControl.toggle],
  ]);
  useSingleKeys([["e", resolve.open], ["t", transfer.open]], open);

  return (
    <div className={classes.pane}>
      <div className={classes.middle}>
        <ConversationHeader
          conversation={conversation} onResolve={resolve.open} onTransfer={transfer.open} onExplain={explain.open}
          onCard={cardControl.open} roomForCard={roomForCard}
        />
        <Timeline conversationId={id} items={timeline} />
        <ReplyBox conversation={conversation} />
      </div>
      {roomForCard
        ? <aside className={`${classes.card} quiet-scroll`} aria-label={t("contact.title")}><ContactPanel contact={contact} conversation={conversation} /></aside>
        : (
          <Drawer opened={card} onClose={cardControl.close} position="right" size={330} title={t("contact.title")}
            closeButtonProps={{ "aria-label": t("common.close") }}>
            <ContactPanel contact={contact} conversation={conversation} />
          </Drawer>
        )}
      <ResolveDialog id={id} opened={resolving} onClose={resolve.close} />
      <TransferDialog conversation={conversation} me={me.agent_id} opened={transferring} onClose={transfer.close} />
      <ExplainDrawer id={id} state={conversation.state} opened={explaining} onClose={explain.close} />
    </div>
  );
}
