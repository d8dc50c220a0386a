import { useTranslation } from "react-i18next";

/** The server's reason for a channel or a delivery in the reader's language where it is a known one, else in its own words. */
export function useWhy(): (why: string) => string {
  const { t } = useTranslation();
  return (why) => {
    const key = why.toLowerCase().replace(/[^a-z]+/g, "-").replace(/^-|-$/g, "");
    return key ? t(`why.${key}`, { defaultValue: why }) : why;
  };
}
