import { useInterval } from "@mantine/hooks";
import { useState } from "react";

import { serverNow } from "../api/client";
import { useFormat } from "../i18n/format";

/** A moment, said briefly; the whole of it on demand. */
export function Time({ at, brief = false, className }: { at: string; brief?: boolean; className?: string }) {
  const format = useFormat();
  return (
    <time dateTime={at} title={format.full(at)} className={className}>
      {brief ? format.brief(at) : format.time(at)}
    </time>
  );
}

export function useNow(every: number): number {
  const [now, setNow] = useState(serverNow);
  useInterval(() => setNow(serverNow()), every, { autoInvoke: true });
  return now;
}

/** How long something has lasted by now; keeps counting. */
export function Since({ at }: { at: string }) {
  const format = useFormat();
  const now = useNow(10_000);
  return <>{format.span(now - Date.parse(at))}</>;
}
