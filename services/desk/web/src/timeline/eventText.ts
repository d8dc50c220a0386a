import { useTranslation } from "react-i18next";

import { useNames } from "../api/names";

/** What happened to a conversation; `agent` and `queue` are ids. */
export interface Happening {
  code: string;
  agent?: string | null;
  queue?: string | null;
  sentence?: string | null;
}

const isolate = (name: string): string => `\u2068${name}\u2069`;

export function useEventText(): (happening: Happening) => string {
  const { t } = useTranslation();
  const names = useNames();
  return ({ code, agent, queue, sentence }) => {
    const context = agent ? "agent" : queue ? "queue" : null;
    const who = { agent: agent ? isolate(names.agent(agent)) : "", queue: queue ? isolate(names.queue(queue)) : "" };
    return t(`events.${code}`, { ...who, ...(context ? { context } : {}), defaultValue: sentence ?? code });
  };
}
