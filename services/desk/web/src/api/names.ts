import { useAgents, useMe, useQueues } from "./queries";

/** Names of agents and queues by their ids; an id nobody knows any more stands for itself. */
export interface Names {
  me: string | null;
  agent(id: string): string;
  queue(id: string): string;
}

export function useNames(): Names {
  const agents = useAgents().data;
  const queues = useQueues().data;
  const me = useMe().data?.agent_id ?? null;
  return {
    me,
    agent: (id) => agents?.find((one) => one.agent_id === id)?.name ?? id,
    queue: (id) => queues?.find((one) => one.queue_id === id)?.name ?? id,
  };
}
