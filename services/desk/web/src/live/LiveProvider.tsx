import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { findRow } from "../api/cache";
import { keys } from "../api/keys";
import type { ClientFrame, LiveFrame, Me } from "../api/types";
import { announce } from "./announce";
import { applyFrame } from "./apply";
import { chime } from "./chime";
import { LiveConnection, type LiveStatus } from "./connection";
import { noteTyping } from "./typing";

interface Live {
  status: LiveStatus;
  send(frame: ClientFrame): void;
}

const LiveContext = createContext<Live>({ status: "connecting", send: () => undefined });

export function useLive(): Live {
  return useContext(LiveContext);
}

export function LiveProvider({ me, children }: { me: string; children: ReactNode }) {
  const client = useQueryClient();
  const { t } = useTranslation();
  const [status, setStatus] = useState<LiveStatus>("connecting");
  const connection = useRef<LiveConnection | null>(null);
  const tell = useRef<(frame: LiveFrame) => void>(() => undefined);

  tell.current = (frame) => {
    if (frame.kind === "typing" && frame.data.agent_id !== me) {
      noteTyping(frame.data.conversation_id, frame.data.agent_id, frame.data.name); // no agent: the customer
    } else if (frame.kind === "refused") {
      const known = t(`refused.${frame.data.code}`, { defaultValue: frame.data.message });
      for (const stale of [keys.lists, keys.offers, keys.conversation(frame.data.work_item_id ?? "")]) {
        void client.invalidateQueries({ queryKey: stale });
      }
      notifications.show({ color: "orange", title: t("refused.title"), message: known });
    } else if (frame.kind === "offer") {
      if (client.getQueryData<Me | null>(keys.me)?.present_here) chime();
      announce(t("offers.announce", { name: frame.data.contact_name || t("contact.unknown") }), "assertive");
    } else if (frame.kind === "item" && frame.data.item.kind === "message") {
      const row = findRow(client, frame.data.conversation_id);
      if (row?.assignee === me) announce(t("timeline.announce", { name: row.contact_name || t("contact.unknown") }));
    }
  };

  useEffect(() => {
    let lost = false;
    let greeted = false;
    const live = new LiveConnection({
      frame: (frame) => {
        applyFrame(client, frame, me);
        // What changed between the first page load and this greeting is in no frame: look once more.
        if (frame.kind === "hello" && !greeted) {
          greeted = true;
          void client.invalidateQueries();
        }
        tell.current(frame);
      },
      status: (next) => {
        setStatus(next);
        if (next === "offline") lost = true;
        // Presence is a lease held by this connection; after a gap ask what became of it.
        if (next === "online" && lost) {
          lost = false;
          void client.invalidateQueries({ queryKey: keys.me });
          void client.invalidateQueries({ queryKey: keys.offers });
        }
      },
      refused: () => void client.invalidateQueries({ queryKey: keys.me }),
    });
    connection.current = live;
    live.start();
    return () => {
      live.stop();
      connection.current = null;
    };
  }, [client, me]);

  const value = useMemo<Live>(() => ({ status, send: (frame) => connection.current?.send(frame) }), [status]);
  return <LiveContext.Provider value={value}>{children}</LiveContext.Provider>;
}
