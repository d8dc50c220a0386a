import { notifications } from "@mantine/notifications";
import type { ClipboardEvent, DragEvent } from "react";
import { useTranslation } from "react-i18next";

import type { ReplyOptions } from "../api/types";
import { useFormat } from "../i18n/format";
import { attach, useAttached, type Attaching, type Limits } from "./uploads";

interface Files {
  attached: readonly Attaching[];
  limits: Limits;
  /** Something is still being uploaded, or could not be: the reply must wait for a decision. */
  waiting: boolean;
  take: (files: File[]) => void;
  /** For the reply box: files are also dropped and pasted. */
  dropping: {
    onDragOver?: (event: DragEvent) => void;
    onDrop?: (event: DragEvent) => void;
    onPaste?: (event: ClipboardEvent) => void;
  };
}

export function useFiles(conversation: string, options: ReplyOptions | undefined, on: boolean): Files {
  const { t } = useTranslation();
  const format = useFormat();
  const all = useAttached(conversation);
  const attached = on ? all : [];
  const limits = { count: options?.max_attachments ?? 10, bytes: options?.max_attachment_bytes ?? 20 * 1024 ** 2 };
  const take = (files: File[]): void => {
    for (const trouble of attach(conversation, files, limits)) {
      const told = { size: format.bytes(limits.bytes), shown: format.number(limits.count), name: "name" in trouble ? `\u2068${trouble.name}\u2069` : "" };
      notifications.show({ color: "orange", message: t(`reply.attachTrouble.${trouble.kind}`, told) });
    }
  };
  const given = (event: DragEvent | ClipboardEvent, data: DataTransfer | null): void => {
    const files = [...(data?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    take(files);
  };
  return {
    attached,
    limits,
    waiting: attached.some((one) => one.state !== "ready"),
    take,
    dropping: on
      ? {
          onDragOver: (event) => event.preventDefault(),
          onDrop: (event) => given(event, event.dataTransfer),
          onPaste: (event) => given(event, event.clipboardData),
        }
      : {},
  };
}
