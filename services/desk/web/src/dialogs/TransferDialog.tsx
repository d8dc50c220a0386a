import { Button, Group, Modal, Select, Stack, Text, Textarea } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { useTransfer } from "../api/actions";
import { useAgents, useQueues } from "../api/queries";
import type { ConversationRow } from "../api/types";

interface Props {
  conversation: ConversationRow;
  me: string;
  opened: boolean;
  onClose: () => void;
}

export function TransferDialog({ conversation, me, opened, onClose }: Props) {
  const { t } = useTranslation();
  const queues = useQueues().data ?? [];
  const agents = useAgents().data ?? [];
  const [target, setTarget] = useState<string | null>(null);
  const [note, setNote] = useState("");
  const transfer = useTransfer(conversation.conversation_id);
  const choices = [
    { group: t("transfer.queues"), items: queues.map((one) => ({ value: `queue:${one.queue_id}`, label: one.name })) },
    {
      group: t("transfer.agents"),
      items: agents
        .filter((one) => one.agent_id !== me)
        .map((one) => ({ value: `agent:${one.agent_id}`, label: `${one.name} – ${t(`presence.${one.presence}`)}`, disabled: one.presence === "offline" })),
    },
  ];
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!target) return;
    const id = target.slice(target.indexOf(":") + 1);
    onClose();
    transfer.mutate({ ...(target.startsWith("queue:") ? { to_queue: id } : { to_agent: id }), note: note.trim() });
    setNote("");
    setTarget(null);
  };
  return (
    <Modal opened={opened} onClose={onClose} title={<Text fw={650}>{t("transfer.title")}</Text>} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={submit}>
        <Stack>
          <Select label={t("transfer.to")} placeholder={t("transfer.choose")} data={choices} value={target} onChange={setTarget} searchable required
            withAsterisk={false} nothingFoundMessage={t("list.notFound")} data-autofocus data-testid="transfer-target" />
          <Textarea label={t("transfer.note")} description={t("transfer.noteHint")} value={note} onChange={(event) => setNote(event.currentTarget.value)}
            autosize minRows={3} {...(note ? { dir: "auto" } : {})} data-testid="transfer-note" />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("common.cancel")}</Button>
            <Button type="submit" disabled={!target} data-testid="transfer-confirm">{t("transfer.confirm")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
