import { Button, Group, Modal, Radio, Stack, Text } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { useResolve } from "../api/actions";

/** The outcomes a conversation can end with; the codes are what reports count. */
const DISPOSITIONS = ["solved", "information", "follow_up", "no_answer", "duplicate", "spam"] as const;

interface Props {
  id: string;
  opened: boolean;
  onClose: () => void;
}

export function ResolveDialog({ id, opened, onClose }: Props) {
  const { t } = useTranslation();
  const [disposition, setDisposition] = useState<string>("solved");
  const resolve = useResolve(id);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onClose();
    resolve.mutate(disposition);
  };
  return (
    <Modal opened={opened} onClose={onClose} title={<Text fw={650}>{t("resolve.title")}</Text>} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={submit}>
        <Stack>
          <Radio.Group value={disposition} onChange={setDisposition} label={t("resolve.question")} description={t("resolve.hint")}>
            <Stack gap={10} mt="sm">
              {DISPOSITIONS.map((code) => (
                <Radio key={code} value={code} label={t(`resolve.dispositions.${code}`)} data-autofocus={code === "solved" || undefined} data-testid={`disposition-${code}`} />
              ))}
            </Stack>
          </Radio.Group>
          <Group justify="flex-end" mt="xs">
            <Button variant="default" onClick={onClose}>{t("common.cancel")}</Button>
            <Button type="submit" data-testid="resolve-confirm">{t("resolve.confirm")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
