import { ActionIcon, FileButton, Tooltip } from "@mantine/core";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import { useFormat } from "../i18n/format";
import { IconPaperclip } from "../parts/icons";
import type { Limits } from "./uploads";

export function AttachButton({ limits, onFiles }: { limits: Limits; onFiles: (files: File[]) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const reset = useRef<() => void>(null);
  const told = t("reply.attachHint", { count: limits.count, shown: format.number(limits.count), size: format.bytes(limits.bytes) });
  const take = (files: File[]): void => {
    onFiles(files);
    reset.current?.();
  };
  return (
    <FileButton multiple onChange={take} resetRef={reset} inputProps={{ "data-testid": "attach-input", "aria-label": t("reply.attach"), tabIndex: -1 } as object}>
      {(props) => (
        <Tooltip label={<>{t("reply.attach")}<br />{told}</>}>
          <ActionIcon {...props} variant="subtle" color="gray" size="lg" aria-label={`${t("reply.attach")}. ${told}`} data-testid="attach">
            <IconPaperclip size={19} stroke={1.75} />
          </ActionIcon>
        </Tooltip>
      )}
    </FileButton>
  );
}
