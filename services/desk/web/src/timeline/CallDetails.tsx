import { Button, Group } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { CallFacts, CallItem } from "../api/types";
import { useFormat, type Format } from "../i18n/format";
import { IconExternalLink, IconPhone, IconPhoneIncoming, IconPhoneOutgoing, IconPhoneX, IconPlayerPlay } from "../parts/icons";
import classes from "./TimelineItem.module.css";

const WEB = /^https?:\/\//i;
const DIAL = /^(https?:\/\/|(tel|sips?|callto):)/i;

export function CallIcon({ item }: { item: CallItem }) {
  const Icon = item.missed ? IconPhoneX : item.call?.direction === "outbound" ? IconPhoneOutgoing : item.call ? IconPhoneIncoming : IconPhone;
  return <Icon size={15} aria-hidden="true" />;
}

/** "Missed call · the line was busy", in the reader's language. */
export function useCallTitle(): (item: CallItem) => string {
  const { t } = useTranslation();
  return ({ missed, call }) => {
    const outbound = call?.direction === "outbound";
    const title = t(outbound ? "calls.outbound" : missed ? "calls.missed" : call?.outcome === "answered" ? "calls.answered" : "channels.call");
    const outcome = call?.outcome && call.outcome !== "answered" ? t(`calls.outcomes.${call.outcome}`, { defaultValue: "" }) : "";
    return outcome ? `${title} · ${outcome}` : title;
  };
}

function facts(call: CallFacts, t: (key: string) => string, format: Format): [string, string][] {
  const found: [string, string][] = [];
  if (call.wait_seconds !== null) found.push([t("calls.waited"), format.duration(call.wait_seconds)]);
  if (call.talk_seconds !== null) found.push([t("calls.talked"), format.duration(call.talk_seconds)]);
  if (call.agent) found.push([t("calls.agent"), call.agent]);
  return found;
}

/** How long was waited and talked and with whom; the recording; and, when it was missed, the way to call back. */
export function CallDetails({ item }: { item: CallItem }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { call, missed } = item;
  if (!call) return item.text ? <p className={classes.text} dir="auto">{item.text}</p> : null;
  const recording = call.recording_url && WEB.test(call.recording_url) ? call.recording_url : null;
  const callback = missed && call.callback_url && DIAL.test(call.callback_url) ? call.callback_url : null;
  return (
    <>
      <dl className={classes.facts} data-testid="call-facts">
        {facts(call, t, format).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd><bdi>{value}</bdi></dd>
          </div>
        ))}
      </dl>
      {(recording || callback) && (
        <Group gap={8} mt={8}>
          {callback && (
            <Button
              component="a" href={callback} size="compact-sm" leftSection={<IconPhone size={15} />} data-testid="call-back"
              {...(WEB.test(callback) ? { target: "_blank", rel: "noopener noreferrer" } : {})}
            >
              {t("calls.back")}
            </Button>
          )}
          {recording && (
            <Button
              component="a" href={recording} target="_blank" rel="noopener noreferrer" size="compact-sm" variant="default"
              leftSection={<IconPlayerPlay size={15} />} rightSection={<IconExternalLink size={13} aria-label={t("common.newWindow")} />} data-testid="call-recording"
            >
              {t("calls.recording")}
            </Button>
          )}
        </Group>
      )}
    </>
  );
}
