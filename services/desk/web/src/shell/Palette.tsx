import { useMantineColorScheme } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useConversations, useQueues } from "../api/queries";
import { usePresenceChange, useSessionChange } from "../api/session";
import type { Me, Presence, View } from "../api/types";
import { go, useRoute } from "../app/route";
import { LOCALES } from "../i18n";
import { ChannelIcon } from "../parts/ChannelIcon";
import { IconCommand, IconInbox, IconKeyboard, IconLanguage, IconMessages, IconMoon, IconRoute, IconSearch, IconSun } from "../parts/icons";
import { PresenceDot } from "../parts/PresenceDot";
import classes from "./Palette.module.css";

const VIEWS: readonly View[] = ["mine", "waiting", "all", "resolved"];
const PRESENCES: readonly Presence[] = ["online", "away", "offline"];
const icon = { size: 19, stroke: 1.6 };

const press = (testId: string) => (): void => {
  setTimeout(() => document.querySelector<HTMLElement>(`[data-testid='${testId}']`)?.click(), 60);
};

function useConversationActions(query: string): SpotlightActionData[] {
  const { t } = useTranslation();
  const [q] = useDebouncedValue(query.trim(), 200);
  const found = useConversations({ view: "all", queue: null, q }, q.length > 1);
  const rows = q.length > 1 ? (found.data?.pages[0]?.items ?? []) : [];
  return rows.slice(0, 8).map((row) => ({
    id: `conversation-${row.conversation_id}`,
    label: row.contact_name || t("contact.unknown"),
    description: row.subject || row.preview,
    keywords: [q],
    leftSection: <ChannelIcon channel={row.channel} size={19} bare />,
    onClick: () => go({ view: "all", queue: null, conversation: row.conversation_id }),
  }));
}

function useCommands(me: Me, onShortcuts: () => void): SpotlightActionGroupData[] {
  const { t } = useTranslation();
  const route = useRoute();
  const queues = useQueues().data ?? [];
  const presence = usePresenceChange();
  const session = useSessionChange();
  const { setColorScheme } = useMantineColorScheme();
  const open = ["reply", "note", "attach", "resolve", "transfer", "why"] as const;
  const targets = { reply: "tab-reply", note: "tab-note", attach: "attach", resolve: "resolve-button", transfer: "transfer-button", why: "explain-open" };
  const scheme = (value: "light" | "dark") => () => {
    setColorScheme(value);
    session.mutate({ color_scheme: value });
  };
  return [
    ...(route.conversation
      ? [{
          group: t("palette.here"),
          actions: open.map((name) => ({ id: name, label: t(`shortcuts.${name}`), leftSection: <IconCommand {...icon} />, onClick: press(targets[name]) })),
        }]
      : []),
    {
      group: t("palette.go"),
      actions: [
        ...VIEWS.map((view) => ({
          id: `view-${view}`, label: t(`views.${view}`), leftSection: <IconMessages {...icon} />, onClick: () => go({ view, queue: null, conversation: null }),
        })),
        ...(me.role === "agent" ? [] : (["policy", "replay"] as const)).map((panel) => ({
          id: `panel-${panel}`, label: t(`routing.${panel}.title`), leftSection: <IconRoute {...icon} />, onClick: () => go({ panel }),
        })),
        ...queues.map((queue) => ({
          id: `queue-${queue.queue_id}`, label: queue.name, description: t("palette.queue"), leftSection: <IconInbox {...icon} />,
          onClick: () => go({ view: "all", queue: queue.queue_id, conversation: null }),
        })),
      ],
    },
    {
      group: t("presence.title"),
      actions: PRESENCES.filter((state) => state !== me.presence).map((state) => ({
        id: `presence-${state}`, label: t(`presence.${state}`), description: t(`presence.hint.${state}`), leftSection: <PresenceDot presence={state} />,
        onClick: () => presence.mutate(state),
      })),
    },
    {
      group: t("palette.settings"),
      actions: [
        { id: "light", label: t("shell.scheme.light"), leftSection: <IconSun {...icon} />, onClick: scheme("light") },
        { id: "dark", label: t("shell.scheme.dark"), leftSection: <IconMoon {...icon} />, onClick: scheme("dark") },
        ...LOCALES.map(({ code, name }) => ({
          id: `locale-${code}`, label: name, description: t("shell.language"), leftSection: <IconLanguage {...icon} />,
          onClick: () => session.mutate({ locale: code }),
        })),
        { id: "shortcuts", label: t("shortcuts.title"), leftSection: <IconKeyboard {...icon} />, onClick: onShortcuts },
      ],
    },
  ];
}

/** Ctrl+K: every command, place and conversation by a few letters. */
export function Palette({ me, onShortcuts }: { me: Me; onShortcuts: () => void }) {
  const { t } = useTranslation();
  const [query, setQuery] = useState("");
  const commands = useCommands(me, onShortcuts);
  const conversations = useConversationActions(query);
  const actions = conversations.length > 0 ? [...commands, { group: t("palette.conversations"), actions: conversations }] : commands;
  return (
    <Spotlight
      actions={actions} query={query} onQueryChange={setQuery} shortcut={["mod + K"]} nothingFound={t("palette.nothing")} highlightQuery scrollable centered={false} yOffset={70} size={620} maxHeight={420} limit={40}
      overlayProps={{ backgroundOpacity: 0.35, blur: 0 }} classNames={{ actionsGroup: classes.group ?? "" }}
      searchProps={{ leftSection: <IconSearch size={19} stroke={1.6} />, placeholder: t("palette.placeholder"), "aria-label": t("palette.placeholder") }}
    />
  );
}
