import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

import { useFormat, type Format } from "../i18n/format";
import { useChannelName } from "./ChannelIcon";

interface Words {
  t: TFunction;
  format: Format;
  channel: (name: string) => string;
}

function known(why: string, { t }: Words): string {
  const key = why.toLowerCase().replace(/[^a-z]+/g, "-").replace(/^-|-$/g, "");
  return key ? t(`why.${key}`, { defaultValue: why }) : why;
}

function said(why: string, words: Words): string {
  const { t, format, channel } = words;
  const segments = /^(\d+) segments?, (\S+)$/.exec(why);
  if (segments) return t("whys.segments", { count: Number(segments[1]), shown: format.number(Number(segments[1])), encoding: segments[2] });
  const shortened = /^shortened from (\d+) to (\d+) characters$/.exec(why);
  if (shortened) return t("whys.shortened", { from: format.number(Number(shortened[1])), to: format.number(Number(shortened[2])) });
  const instead = /^instead of (\S+) \((.*)\): (.*)$/.exec(why);
  if (instead) return t("whys.instead", { channel: channel(instead[1] ?? ""), failed: said(instead[2] ?? "", words), why: said(instead[3] ?? "", words) });
  const wentBy = /^it went by (\S+)$/.exec(why);
  if (wentBy) return t("whys.wentBy", { channel: channel(wentBy[1] ?? "") });
  const noWay = /^(no way to reach the contact|no other channel): (.*)$/.exec(why);
  if (noWay) return t(noWay[1]?.startsWith("no way") ? "whys.noWay" : "whys.noOther", { why: said(noWay[2] ?? "", words) });
  const chosen = /^([a-z][a-z0-9-]*): ([^()]+?)(?: \((.*)\))?$/.exec(why);
  if (!chosen) return known(why, words);
  const passed = chosen[3] ? ` (${all(chosen[3], words)})` : "";
  return `${channel(chosen[1] ?? "")}: ${known(chosen[2] ?? "", words)}${passed}`;
}

/** Reasons stand one after the other; those in brackets belong to the one before. */
function all(why: string, words: Words): string {
  const parts = why.match(/(?:[^;(]|\([^)]*\)|;(?! ))+/g) ?? [why];
  return parts.map((part) => said(part.trim(), words)).join(words.t("explain.comma"));
}

/** The server's reason for a channel or a delivery in the reader's language where it is a known one, else in its own words. */
export function useWhy(): (why: string) => string {
  const { t } = useTranslation();
  const words: Words = { t, format: useFormat(), channel: useChannelName() };
  return (why) => all(why, words);
}
