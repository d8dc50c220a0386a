import { notifications } from "@mantine/notifications";
import i18next from "i18next";

import { ApiError } from "../api/client";

/** What went wrong, said to a person; the server's own words where it has some. */
export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return i18next.t("errors.unknown");
  if (error.status === 0) return i18next.t("errors.unreachable");
  if (error.status === 403) return i18next.t("errors.forbidden");
  if (error.status === 404) return i18next.t("errors.missing");
  if (error.status === 429) return i18next.t("errors.tooMany");
  const words = [error.detail, error.hint].filter(Boolean).join(" ");
  return words || error.title || i18next.t("errors.unknown");
}

export function showError(error: unknown): void {
  notifications.show({ color: "red", title: i18next.t("errors.title"), message: errorText(error) });
}
