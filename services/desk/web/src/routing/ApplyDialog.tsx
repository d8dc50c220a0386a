import { Alert, Button, Checkbox, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useApplyPolicy } from "../api/routing";
import type { Finding, Policy } from "../api/types";
import { errorText } from "../app/errors";
import { useFormat } from "../i18n/format";
import { policyDraft } from "./draft";
import { nextVersion, VERSION } from "./versions";

interface Props {
  text: string;
  inForce: Policy;
  /** The version whose text this is already; else null, and it needs a name of its own. */
  known: string | null;
  taken: readonly string[];
  findings: Finding[];
  onClose: () => void;
}

/** The last word before a text is put in force: its name, and what is still wrong with it. */
export function ApplyDialog({ text, inForce, known, taken, findings, onClose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const apply = useApplyPolicy();
  const [version, setVersion] = useState(known ?? nextVersion(inForce.version, taken));
  const [force, setForce] = useState(false);
  const errors = findings.filter((one) => one.severity === "error").length;
  const wrong = VERSION.test(version) ? (known !== version && taken.includes(version) ? t("routing.apply.taken") : null) : t("routing.apply.badName");

  const submit = (): void => {
    apply.mutate({ version, text, force }, {
      onSuccess: (done) => {
        if (policyDraft.get() === text) policyDraft.set(null);
        onClose();
        notifications.show({ color: done ? "turquoise" : "yellow", message: t(done ? "routing.apply.done" : "routing.apply.slow", { version: `\u2068${version}\u2069` }) });
      },
    });
  };
  return (
    <Modal opened onClose={onClose} title={<Text fw={650}>{t("routing.apply.title")}</Text>} closeButtonProps={{ "aria-label": t("common.close") }}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) submit();
      }}>
        <Stack>
          <Text size="sm">{t("routing.apply.explain", { version: `\u2068${inForce.version}\u2069` })}</Text>
          <TextInput
            label={t("routing.apply.name")} description={t("routing.apply.nameHint")} value={version} error={wrong} disabled={known !== null} data-autofocus dir="ltr"
            onChange={(event) => setVersion(event.currentTarget.value)} data-testid="apply-version"
          />
          {errors > 0 && (
            <Alert color="red" title={t("routing.lint.errors", { count: errors, shown: format.number(errors) })}>
              <Checkbox checked={force} onChange={(event) => setForce(event.currentTarget.checked)} label={t("routing.apply.force")} mt={4} />
            </Alert>
          )}
          {apply.isError && <Alert color="red" role="alert"><span dir="auto">{errorText(apply.error)}</span></Alert>}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{t("common.cancel")}</Button>
            <Button type="submit" loading={apply.isPending} disabled={wrong !== null || (errors > 0 && !force)} data-testid="apply-confirm">{t("routing.apply.confirm")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
