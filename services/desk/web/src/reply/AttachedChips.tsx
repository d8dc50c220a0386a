import { CloseButton, Loader, Tooltip } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useFormat } from "../i18n/format";
import { IconAlertTriangle, IconPaperclip } from "../parts/icons";
import classes from "./AttachedChips.module.css";
import { detach, type Attaching } from "./uploads";

function Chip({ conversation, one }: { conversation: string; one: Attaching }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <li className={classes.chip} data-testid="attached" data-state={one.state} aria-busy={one.state === "sending"}>
      {one.state === "sending" && <Loader size={14} aria-label={t("reply.uploading")} />}
      {one.state === "ready" && <IconPaperclip size={14} aria-hidden="true" />}
      {one.state === "failed" && (
        <Tooltip label={one.error}><IconAlertTriangle size={15} role="img" aria-label={one.error} tabIndex={0} /></Tooltip>
      )}
      <bdi className="clip">{one.name}</bdi>
      <span className={classes.size}>{one.state === "failed" ? t("reply.uploadFailed") : format.bytes(one.size)}</span>
      <CloseButton size="sm" onClick={() => detach(conversation, one.key)} aria-label={t("reply.detach", { name: one.name })} data-testid="detach" />
    </li>
  );
}

/** The files that go out with the reply. */
export function AttachedChips({ conversation, attached }: { conversation: string; attached: readonly Attaching[] }) {
  const { t } = useTranslation();
  if (attached.length === 0) return null;
  return (
    <ul className={classes.chips} aria-label={t("files.title")}>
      {attached.map((one) => <Chip key={one.key} conversation={conversation} one={one} />)}
    </ul>
  );
}
