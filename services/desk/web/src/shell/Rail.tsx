import { Badge, NavLink, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useAgents, useConversations, useQueues } from "../api/queries";
import type { Agent, Me, Presence, View } from "../api/types";
import { hrefTo, useRoute, type Panel, type Route } from "../app/route";
import { useFormat } from "../i18n/format";
import { IconCircleCheck, IconHistory, IconHourglass, IconInbox, IconMessages, IconRoute, IconUserCheck } from "../parts/icons";
import { PresenceDot } from "../parts/PresenceDot";
import classes from "./Rail.module.css";

const VIEWS: readonly { view: View; icon: ReactNode }[] = [
  { view: "mine", icon: <IconUserCheck size={18} stroke={1.75} /> },
  { view: "waiting", icon: <IconHourglass size={18} stroke={1.75} /> },
  { view: "all", icon: <IconMessages size={18} stroke={1.75} /> },
  { view: "resolved", icon: <IconCircleCheck size={18} stroke={1.75} /> },
];

const PANELS: readonly { panel: Panel; icon: ReactNode }[] = [
  { panel: "policy", icon: <IconRoute size={18} stroke={1.75} /> },
  { panel: "replay", icon: <IconHistory size={18} stroke={1.75} /> },
];

interface PlaceProps {
  to: Route;
  label: string;
  icon?: ReactNode;
  count?: number;
  strong?: boolean;
  onGo?: (() => void) | undefined;
}

function Place({ to, label, icon, count = 0, strong = false, onGo }: PlaceProps) {
  const now = useRoute();
  const format = useFormat();
  const active = to.panel || now.panel ? now.panel === to.panel : now.view === to.view && now.queue === to.queue;
  return (
    <NavLink
      href={hrefTo(to)} label={label} leftSection={icon} active={active} aria-current={active ? "page" : undefined}
      className={classes.place ?? ""} {...(onGo ? { onClick: onGo } : {})} data-testid={to.panel ? `panel-${to.panel}` : to.queue ? `queue-${to.queue}` : `view-${to.view}`}
      rightSection={count > 0 && (
        <Badge size="sm" radius="xl" circle={count < 10} variant={strong ? "filled" : "light"} color={strong ? "turquoise" : "gray"}>
          {format.number(count)}
        </Badge>
      )}
    />
  );
}

const ORDER: Record<Presence, number> = { online: 0, away: 1, offline: 2 };

function Team({ agents }: { agents: Agent[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const sorted = agents.toSorted((a, b) => ORDER[a.presence] - ORDER[b.presence] || a.name.localeCompare(b.name));
  return (
    <ul className={classes.team} aria-label={t("rail.team")}>
      {sorted.map((agent) => (
        <li key={agent.agent_id} className={classes.mate}>
          <PresenceDot presence={agent.presence} />
          <span className="clip" dir="auto">{agent.name}</span>
          <span className={classes.load} title={t("presence.load", { used: format.number(agent.used), capacity: format.number(agent.capacity) })}>
            {t(`presence.${agent.presence}`)}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Where to go: my work, the views, the queues; below it who else is there. */
export function Rail({ me, onGo }: { me: Me; onGo?: () => void }) {
  const { t } = useTranslation();
  const queues = useQueues();
  const agents = useAgents();
  const mine = useConversations({ view: "mine", queue: null, q: "" });
  const unread = mine.data?.pages.flatMap((page) => page.items).filter((row) => row.unread > 0).length ?? 0;
  const waiting = queues.data?.reduce((sum, queue) => sum + queue.waiting, 0) ?? 0;
  const counts: Partial<Record<View, number>> = { mine: unread, waiting };
  return (
    <nav className={`${classes.rail} quiet-scroll`} aria-label={t("rail.title")}>
      <Stack gap={2}>
        {VIEWS.map(({ view, icon }) => (
          <Place
            key={view} to={{ view, queue: null, conversation: null }} label={t(`views.${view}`)} icon={icon}
            count={counts[view] ?? 0} strong={view === "mine"} onGo={onGo}
          />
        ))}
      </Stack>
      <Text className={classes.heading} component="h2">{t("rail.queues")}</Text>
      <Stack gap={2}>
        {queues.data?.map((queue) => (
          <Place
            key={queue.queue_id} to={{ view: "all", queue: queue.queue_id, conversation: null }} label={queue.name}
            icon={<IconInbox size={18} stroke={1.75} />} count={queue.waiting} onGo={onGo}
          />
        ))}
      </Stack>
      {me.role !== "agent" && (
        <>
          <Text className={classes.heading} component="h2">{t("rail.routing")}</Text>
          <Stack gap={2}>
            {PANELS.map(({ panel, icon }) => (
              <Place key={panel} to={{ view: "mine", queue: null, conversation: null, panel }} label={t(`routing.${panel}.title`)} icon={icon} onGo={onGo} />
            ))}
          </Stack>
        </>
      )}
      <Text className={classes.heading} component="h2">{t("rail.team")}</Text>
      {agents.data && <Team agents={agents.data} />}
    </nav>
  );
}
