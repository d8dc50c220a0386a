import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import type { Locale } from "../api/types";
import en from "./locales/en.json";

export const LOCALES: readonly { code: Locale; name: string }[] = [
  { code: "en", name: "English" },
  { code: "fa", name: "فارسی" },
  { code: "ru", name: "Русский" },
];

const KEY = "payvand-locale";

const loaders: Record<Exclude<Locale, "en">, () => Promise<{ default: object }>> = {
  fa: () => import("./locales/fa.json"),
  ru: () => import("./locales/ru.json"),
};

export function directionOf(locale: Locale): "ltr" | "rtl" {
  return locale === "fa" ? "rtl" : "ltr";
}

async function load(locale: Locale): Promise<void> {
  if (locale === "en" || i18next.hasResourceBundle(locale, "translation")) return;
  i18next.addResourceBundle(locale, "translation", (await loaders[locale]()).default);
}

/** Shows the desk in this language at once: texts, direction, digits and calendar. */
export async function switchLocale(locale: Locale): Promise<void> {
  await load(locale);
  try {
    localStorage.setItem(KEY, locale);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
  document.documentElement.lang = locale;
  await i18next.changeLanguage(locale);
}

let picked: Locale | null = null;

/** A choice on the login page counts for whoever logs in there. */
export async function pickBeforeLogin(locale: Locale): Promise<void> {
  picked = locale;
  await switchLocale(locale);
}

/** The choice made on the login page, once. */
export function takePicked(): Locale | null {
  const taken = picked;
  picked = null;
  return taken;
}

export async function startI18n(): Promise<void> {
  const wanted = LOCALES.find((one) => one.code === document.documentElement.lang)?.code ?? "en";
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  await switchLocale(wanted);
}
