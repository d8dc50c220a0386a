import { Button, CloseButton, Skeleton, Stack, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { inOrder } from "../api/cache";
import { useConversations, useQueues } from "../api/queries";
import type { Me } from "../api/types";
import { go, useRoute } from "../app/route";
import { errorText } from "../app/errors";
import { IconInbox, IconRefresh, IconSearch } from "../parts/icons";
import { Nothing } from "../parts/Nothing";
import { useSingleKeys } from "../shell/keys";
import classes from "./ConversationList.module.css";
import { ConversationRowLink } from "./ConversationRowLink";

const ROW = "[data-testid='conversation-row']";

/** Moves the focus along the rows; from outside the list it starts at the open conversation. */
function moveFocus(step: 1 | -1): HTMLElement | undefined {
  const rows = [...document.querySelectorAll<HTMLElement>(ROW)];
  const focused = rows.findIndex((row) => row === document.activeElement);
  const from = focused >= 0 ? focused : rows.findIndex((row) => row.getAttribute("aria-current") === "true");
  const next = rows[Math.min(Math.max(from + step, 0), rows.length - 1)];
  next?.focus();
  return next;
}

function arrows(event: KeyboardEvent): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  moveFocus(event.key === "ArrowDown" ? 1 : -1);
}

function Loading() {
  return (
    <Stack gap={14} p="md">
      {Array.from({ length: 7 }, (_, index) => <Skeleton key={index} height={54} radius="md" />)}
    </Stack>
  );
}

export function ConversationList({ me }: { me: Me }) {
  const { t } = useTranslation();
  const route = useRoute();
  const queues = useQueues();
  const [text, setText] = useState("");
  const [q] = useDebouncedValue(text.trim(), 250);
  const found = useConversations({ view: route.view, queue: route.queue, q });
  const rows = inOrder(route.view, found.data?.pages.flatMap((page) => page.items) ?? []);
  const queue = queues.data?.find((one) => one.queue_id === route.queue);
  const step = (by: 1 | -1) => () => moveFocus(by)?.click();
  useSingleKeys([["j", step(1)], ["k", step(-1)]]);

  return (
    <div className={classes.pane}>
      <div className={classes.top}>
        <Title order={1} className={classes.title} dir="auto">{queue?.name ?? t(`views.${route.view}`)}</Title>
        <TextInput
          id="list-search" size="sm" radius="md" value={text} onChange={(event) => setText(event.currentTarget.value)}
          placeholder={t("list.search")} aria-label={t("list.search")} leftSection={<IconSearch size={16} stroke={1.75} />}
          rightSection={text && <CloseButton size="sm" aria-label={t("list.clear")} onClick={() => setText("")} />}
          onKeyDown={(event) => {
            if (event.key === "Escape") setText("");
            arrows(event);
          }}
        />
      </div>
      <div className={`${classes.rows} quiet-scroll`} onKeyDown={arrows}>
        {found.isPending && <Loading />}
        {found.isError && (
          <Nothing icon={<IconRefresh size={28} stroke={1.5} />} title={errorText(found.error)}>
            <Button variant="light" mt="sm" onClick={() => void found.refetch()}>{t("common.retry")}</Button>
          </Nothing>
        )}
        {found.isSuccess && rows.length === 0 && (
          <Nothing
            icon={<IconInbox size={32} stroke={1.25} />}
            title={q ? t("list.notFound") : t(`list.empty.${route.view}`)} hint={q ? t("list.notFoundHint") : t(`list.emptyHint.${route.view}`)}
          />
        )}
        <ul className={classes.ul}>
          {rows.map((row) => (
            <li key={row.conversation_id}>
              <ConversationRowLink row={row} route={route} me={me.agent_id} />
            </li>
          ))}
        </ul>
        {found.hasNextPage && (
          <Button variant="subtle" fullWidth loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            {t("list.more")}
          </Button>
        )}
      </div>
    </div>
  );
}

export function closeConversation(): void {
  go({ conversation: null });
}
