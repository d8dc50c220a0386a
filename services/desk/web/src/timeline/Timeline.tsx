import { Button } from "@mantine/core";
import { Fragment, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Item } from "../api/types";
import { useFormat } from "../i18n/format";
import { useTypists } from "../live/typing";
import { IconChevronDown } from "../parts/icons";
import { inStretches } from "./folding";
import classes from "./Timeline.module.css";
import { TimelineItem } from "./TimelineItem";

const NEAR_END = 120;

function dayOf(at: string): string {
  return new Date(at).toDateString();
}

/** Stays at the newest message while the person is there; says so when something new arrives out of sight. */
function useStickToEnd(count: number, mineLast: boolean) {
  const box = useRef<HTMLDivElement>(null);
  const stick = useRef(true);
  const [news, setNews] = useState(false);
  const toEnd = (): void => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
    setNews(false);
  };
  useLayoutEffect(() => {
    if (stick.current || mineLast) toEnd();
    else setNews(true);
  }, [count, mineLast]);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => stick.current && toEnd());
    observer.observe(element);
    if (element.firstElementChild) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);
  const onScroll = (): void => {
    const element = box.current;
    if (!element) return;
    stick.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END;
    if (stick.current) setNews(false);
  };
  return { box, news, toEnd, onScroll };
}

function Typing({ conversationId }: { conversationId: string }) {
  const { t } = useTranslation();
  const typists = useTypists(conversationId);
  if (typists.length === 0) return null;
  const agents = typists.filter((one) => one.agentId);
  const names = agents.map((one) => `\u2068${one.name}\u2069`).join(", ");
  return (
    <p className={classes.typing} role="status" data-testid="typing">
      {agents.length < typists.length && t("timeline.customerTyping")} {names && t("timeline.typing", { names })}
    </p>
  );
}

export function Timeline({ conversationId, items }: { conversationId: string; items: Item[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const unfold = (id: string): void => setUnfolded((old) => new Set(old).add(id));
  const stretches = inStretches(items, unfolded);
  const last = items.at(-1);
  const { box, news, toEnd, onScroll } = useStickToEnd(items.length, last?.kind === "reply" || last?.kind === "note");
  return (
    <div className={classes.frame}>
      <div className={`${classes.scroll} quiet-scroll`} ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={t("timeline.title")} data-testid="timeline">
        <ol className={classes.list}>
          {stretches.map((stretch, index) => (
            <Fragment key={stretch.items[0]?.item_id}>
              {stretch.folded > 0 && (
                <li className={classes.folded}>
                  <Button size="compact-xs" variant="subtle" color="gray" onClick={() => unfold(stretch.items[0]?.item_id ?? "")}>
                    {t("timeline.steps", { count: stretch.folded, shown: format.number(stretch.folded) })}
                  </Button>
                </li>
              )}
              {stretch.items.slice(stretch.folded).map((item, place) => {
                const before = place > 0 ? stretch.items[stretch.folded + place - 1] : stretches[index - 1]?.items.at(-1);
                const newDay = !before || dayOf(before.at) !== dayOf(item.at);
                return (
                  <Fragment key={item.item_id}>
                    {newDay && <li className={classes.day}><span>{format.day(item.at)}</span></li>}
                    <li className={classes.item} data-testid="timeline-item" data-kind={item.kind} data-item={item.item_id}>
                      <TimelineItem item={item} />
                    </li>
                  </Fragment>
                );
              })}
            </Fragment>
          ))}
        </ol>
        <Typing conversationId={conversationId} />
      </div>
      {news && (
        <Button className={classes.news ?? ""} size="xs" radius="xl" rightSection={<IconChevronDown size={15} />} onClick={toEnd}>
          {t("timeline.news")}
        </Button>
      )}
    </div>
  );
}
