import type { QueryClient } from "@tanstack/react-query";

import { findRow, putDelivery, putItem, putRow } from "../api/cache";
import { keys } from "../api/keys";
import type { Agent, LiveFrame, Me, Offer, Queue, Wait } from "../api/types";

function upsert<T>(list: T[] | undefined, entry: T, same: (old: T) => boolean): T[] | undefined {
  if (!list) return list;
  return list.some(same) ? list.map((old) => (same(old) ? { ...old, ...entry } : old)) : [...list, entry];
}

/** Lays one live frame into the query cache. Notices for people (refusals, typing, sound) are not its business. */
export function applyFrame(client: QueryClient, frame: LiveFrame, me: string): void {
  switch (frame.kind) {
    case "conversation":
      putRow(client, frame.data, me);
      void client.invalidateQueries({ queryKey: keys.explain(frame.data.conversation_id) });
      break;
    case "item":
      putItem(client, frame.data.conversation_id, frame.data.item);
      if (!findRow(client, frame.data.conversation_id)) void client.invalidateQueries({ queryKey: keys.lists });
      break;
    case "delivery":
      putDelivery(client, frame.data.conversation_id, frame.data.reply_id, frame.data.delivery);
      break;
    case "offer":
      client.setQueryData<Offer[]>(keys.offers, (list) =>
        upsert(list ?? [], frame.data, (old) => old.offer_id === frame.data.offer_id),
      );
      break;
    case "offer.ended":
      client.setQueryData<Offer[]>(keys.offers, (list) => list?.filter((one) => one.offer_id !== frame.data.offer_id));
      break;
    case "agent":
      applyAgent(client, frame.data, me);
      break;
    case "wrap-up":
      void client.invalidateQueries({ queryKey: keys.wrapUps });
      break;
    case "queue":
      client.setQueryData<Queue[]>(keys.queues, (list) =>
        upsert(list, frame.data, (old) => old.queue_id === frame.data.queue_id),
      );
      break;
    case "wait":
      client.setQueryData<Wait[]>(keys.waits, (list) =>
        upsert(list, frame.data, (old) => old.conversation_id === frame.data.conversation_id),
      );
      break;
    case "reset":
      void client.invalidateQueries();
      break;
    default:
      break;
  }
}

function applyAgent(client: QueryClient, agent: Agent, me: string): void {
  client.setQueryData<Agent[]>(keys.agents, (list) => upsert(list, agent, (old) => old.agent_id === agent.agent_id));
  if (agent.agent_id !== me) return;
  const { presence, used, capacity, not_responding = false } = agent;
  // Chosen in another browser, perhaps: who keeps the presence now is in no frame.
  if (client.getQueryData<Me | null>(keys.me)?.presence !== presence) void client.invalidateQueries({ queryKey: keys.me });
  client.setQueryData<Me | null>(keys.me, (old) => (old ? { ...old, presence, used, capacity, not_responding } : old));
}
