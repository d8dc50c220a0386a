import { Button, Group, Kbd, SegmentedControl, Textarea } from "@mantine/core";
import { getHotkeyHandler } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { useNote } from "../api/actions";
import { useReplyOptions } from "../api/queries";
import type { ConversationRow } from "../api/types";
import { usePreferences, type UndoSend } from "../app/preferences";
import { useLive } from "../live/LiveProvider";
import { IconNote, IconSend } from "../parts/icons";
import { AttachButton } from "./AttachButton";
import { AttachedChips } from "./AttachedChips";
import { ChannelPicker } from "./ChannelPicker";
import { setDraft, useDraft } from "./drafts";
import { send, UNDO_TIME } from "./outbox";
import { setAttached } from "./uploads";
import { useFiles } from "./useFiles";
import classes from "./ReplyBox.module.css";

const TYPING_EVERY = 3_000;
const LETTERS: readonly string[] = ["email", "sms"];
type Mode = "reply" | "note";

/** A live chat should not wait; what leaves as a letter can be called back for a moment. */
function holdFor(undo: UndoSend, channel: string | null): number {
  return undo === "always" || (undo === "letters" && channel !== null && LETTERS.includes(channel)) ? UNDO_TIME : 0;
}

export function ReplyBox({ conversation }: { conversation: ConversationRow }) {
  const { t } = useTranslation();
  const id = conversation.conversation_id;
  const client = useQueryClient();
  const live = useLive();
  const { undoSend } = usePreferences();
  const [mode, setMode] = useState<Mode>("reply");
  const found = useReplyOptions(id).data;
  const options = found?.channels ?? [];
  const files = useFiles(id, found, mode === "reply");
  const [channel, setChannel] = useState<string | null>(null);
  const draftKey = mode === "reply" ? id : `${id}:note`;
  const text = useDraft(draftKey);
  const note = useNote(id);
  const area = useRef<HTMLTextAreaElement>(null);
  const lastTyped = useRef(0);

  const write = (value: string): void => {
    setDraft(draftKey, value);
    if (mode === "reply" && value && Date.now() - lastTyped.current > TYPING_EVERY) {
      lastTyped.current = Date.now();
      live.send({ kind: "typing", conversation_id: id });
    }
  };
  const submit = (): void => {
    const words = text.trim();
    if (!words || files.waiting) return;
    setDraft(draftKey, "");
    if (mode === "note") note.mutate(words, { onError: () => setDraft(draftKey, words) });
    else {
      const likely = channel ?? options.find((one) => one.default)?.channel ?? conversation.channel;
      send(client, id, { text: words, channel, attached: files.attached }, holdFor(undoSend, likely));
      setAttached(id, []);
    }
    area.current?.focus();
  };

  return (
    <form
      className={classes.box} data-mode={mode} aria-label={t(`reply.${mode}`)} {...files.dropping}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className={classes.bar}>
        <SegmentedControl
          size="xs" value={mode} aria-label={t("reply.mode")}
          onChange={(value) => {
            setMode(value as Mode);
            setTimeout(() => area.current?.focus());
          }}
          data={[
            { value: "reply", label: <span data-testid="tab-reply">{t("reply.reply")}</span> },
            { value: "note", label: <span data-testid="tab-note">{t("reply.note")}</span> },
          ]}
        />
        {mode === "reply" && <ChannelPicker options={options} value={channel} onChange={setChannel} fallback={conversation.channel} />}
        {mode === "note" && <span className={classes.hint}>{t("reply.noteHint")}</span>}
      </div>
      <Textarea
        ref={area} id="reply-text" value={text} onChange={(event) => write(event.currentTarget.value)} autosize minRows={2} maxRows={10}
        placeholder={t(mode === "reply" ? "reply.placeholder" : "reply.notePlaceholder")}
        aria-label={t(mode === "reply" ? "reply.placeholder" : "reply.notePlaceholder")} {...(text ? { dir: "auto" } : {})}
        onKeyDown={getHotkeyHandler([["mod+Enter", submit], ["Escape", () => area.current?.blur()]])}
        classNames={{ input: classes.input }} maxLength={16000} variant="unstyled" data-testid="reply-text" aria-keyshortcuts="r"
      />
      {mode === "reply" && <AttachedChips conversation={id} attached={files.attached} />}
      <div className={classes.bar}>
        <Group gap={8} wrap="nowrap">
          {mode === "reply" && <AttachButton limits={files.limits} onFiles={files.take} />}
          <span className={classes.hint} data-wide><Kbd size="xs" dir="ltr">Ctrl</Kbd> + <Kbd size="xs" dir="ltr">Enter</Kbd></span>
        </Group>
        <Button
          type="submit" size="sm" disabled={!text.trim() || files.waiting} data-testid="reply-send" color={mode === "note" ? "#7d5200" : "turquoise"}
          leftSection={mode === "note" ? <IconNote size={17} /> : <span className="flip"><IconSend size={17} /></span>}
        >
          {t(mode === "note" ? "reply.addNote" : "reply.send")}
        </Button>
      </div>
    </form>
  );
}
