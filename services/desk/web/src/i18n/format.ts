import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Locale } from "../api/types";

/** Numbers, times and names of languages as each locale writes them; Persian: Jalali calendar and Persian digits. */

const TAGS: Record<Locale, string> = { en: "en-GB", fa: "fa-IR-u-ca-persian-nu-arabext", ru: "ru-RU" };
const MINUTE = 60_000;
const DAY = 86_400_000;

export interface Format {
  number(value: number): string;
  /** A share of one: 0.987 is "98.7 %". */
  percent(share: number): string;
  /** Seconds to a tenth below a minute, to the second above. */
  seconds(value: number): string;
  time(iso: string): string;
  /** Time of today, "yesterday", day and month, or the full date: as short as it can be said. */
  brief(iso: string): string;
  day(iso: string): string;
  full(iso: string): string;
  span(milliseconds: number): string;
  /** Seconds to the second: "3 min 5 sec". */
  duration(seconds: number): string;
  bytes(size: number): string;
  language(code: string): string;
  plainDigits(text: string): string;
}

function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

function daysAgo(at: Date): number {
  return Math.round((startOfDay(new Date()) - startOfDay(at)) / DAY);
}

export function makeFormat(locale: Locale): Format {
  const tag = TAGS[locale];
  const number = new Intl.NumberFormat(tag);
  const time = new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const dayMonth = new Intl.DateTimeFormat(tag, { day: "numeric", month: locale === "fa" ? "long" : "short" });
  const date = new Intl.DateTimeFormat(tag, { year: "numeric", month: "short", day: "numeric" });
  const weekday = new Intl.DateTimeFormat(tag, { weekday: "long", day: "numeric", month: "long" });
  const full = new Intl.DateTimeFormat(tag, { dateStyle: "full", timeStyle: "medium", hourCycle: "h23" });
  const relative = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
  const languages = new Intl.DisplayNames(tag, { type: "language" });
  const unit = (value: number, name: string): string =>
    new Intl.NumberFormat(tag, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: 0 }).format(value);

  const capital = (text: string): string => text.charAt(0).toLocaleUpperCase(tag) + text.slice(1);

  const brief = (iso: string): string => {
    const at = new Date(iso);
    const days = daysAgo(at);
    if (days <= 0) return time.format(at);
    if (days === 1) return capital(relative.format(-1, "day"));
    return days < 200 ? dayMonth.format(at) : date.format(at);
  };
  const day = (iso: string): string => {
    const at = new Date(iso);
    const days = daysAgo(at);
    if (days <= 1) return capital(relative.format(-Math.max(days, 0), "day"));
    return days < 200 ? weekday.format(at) : date.format(at);
  };
  const span = (milliseconds: number): string => {
    const minutes = Math.floor(Math.max(0, milliseconds) / MINUTE);
    if (minutes < 1) return unit(Math.floor(Math.max(0, milliseconds) / 1000), "second");
    if (minutes < 60) return unit(minutes, "minute");
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? unit(hours, "hour") : unit(Math.floor(hours / 24), "day");
  };
  const list = new Intl.ListFormat(tag, { type: "unit", style: "narrow" });
  const duration = (seconds: number): string => {
    const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.round(seconds % 60)];
    const parts = [hours > 0 && unit(hours, "hour"), minutes > 0 && unit(minutes, "minute"), hours === 0 && rest > 0 && unit(rest, "second")];
    const said = parts.filter((part) => part !== false);
    return said.length > 0 ? list.format(said) : unit(0, "second");
  };
  // Persian has no short words of its own for these.
  const amount = (value: number, name: string): string =>
    new Intl.NumberFormat(tag, { style: "unit", unit: name, unitDisplay: locale === "fa" ? "long" : "short", maximumFractionDigits: 0 }).format(value);
  const bytes = (size: number): string => {
    if (size < 1024) return amount(size, "byte");
    return size < 1024 ** 2 ? amount(size / 1024, "kilobyte") : amount(size / 1024 ** 2, "megabyte");
  };
  const language = (code: string): string => {
    try {
      return languages.of(code) ?? code;
    } catch {
      return code;
    }
  };
  const percent = new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 1 });
  const tenths = new Intl.NumberFormat(tag, { style: "unit", unit: "second", unitDisplay: "short", maximumFractionDigits: 1 });
  const seconds = (value: number): string => (value < 60 ? tenths.format(value) : duration(value));
  const plainDigits = (text: string): string =>
    locale === "fa" ? text.replace(/\d/g, (digit) => "۰۱۲۳۴۵۶۷۸۹"[Number(digit)] ?? digit) : text;

  return {
    number: (value) => number.format(value),
    percent: (share) => percent.format(share),
    seconds,
    time: (iso) => time.format(new Date(iso)),
    full: (iso) => full.format(new Date(iso)),
    brief, day, span, duration, bytes, language, plainDigits,
  };
}

export function useFormat(): Format {
  const { i18n } = useTranslation();
  const locale = i18n.language as Locale;
  return useMemo(() => makeFormat(locale), [locale]);
}
