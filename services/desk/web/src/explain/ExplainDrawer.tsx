import { Accordion, Button, Center, Drawer, Loader, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { ApiError } from "../api/client";
import { useExplanation } from "../api/queries";
import type { ConversationState, Explanation, ExplanationStep } from "../api/types";
import { errorText } from "../app/errors";
import { Time } from "../parts/Time";
import { useEventText } from "../timeline/eventText";
import classes from "./ExplainDrawer.module.css";
import { ReasonDetails } from "./ReasonDetails";
import { ACCEPTED, useSentence } from "./sentence";

interface Props {
  id: string;
  state: ConversationState;
  opened: boolean;
  onClose: () => void;
}

function Steps({ explanation }: { explanation: Explanation }) {
  const { t } = useTranslation();
  const sentence = useSentence();
  const event = useEventText();
  return (
    <ol className={classes.steps}>
      {explanation.history.map((step, index) => (
        <li key={`${step.at}-${index}`} className={classes.step}>
          <span className={classes.code}>
            {t(`explain.codes.${step.code}`, { defaultValue: step.code })} <Time at={step.at} brief className={classes.when ?? ""} />
          </span>
          <span dir="auto">{step.reason ? sentence(step) : event(step)}</span>
        </li>
      ))}
    </ol>
  );
}

/** The step that decided where the conversation is now. */
function decisive(explanation: Explanation): ExplanationStep | undefined {
  return explanation.history.findLast((step) => step.reason !== null && step.reason.winner_because !== ACCEPTED);
}

function Body({ explanation, state }: { explanation: Explanation; state: ConversationState }) {
  const { t } = useTranslation();
  const sentence = useSentence();
  const why = decisive(explanation);
  const settled = explanation.placed || state === "resolved";
  const sections = [
    why?.reason && { key: "details", title: t("explain.details"), body: <ReasonDetails reason={why.reason} /> },
    explanation.history.length > 0 && { key: "history", title: t("explain.history"), body: <Steps explanation={explanation} /> },
  ].filter((section) => typeof section === "object" && section !== null);
  return (
    <Stack gap="lg">
      <div className={classes.sentence} data-placed={settled}>
        <Text size="xs" c="dimmed" fw={600}>{state === "resolved" ? t("states.resolved") : t(settled ? "explain.placed" : "explain.notPlaced")}</Text>
        <Text fz="lg" fw={550} lh={1.5} dir="auto" data-testid="explain-sentence">{why ? sentence(why) : explanation.sentence}</Text>
      </div>
      <Accordion multiple variant="separated" chevronPosition="right">
        {sections.map((section) => (
          <Accordion.Item key={section.key} value={section.key}>
            <Accordion.Control>{section.title}</Accordion.Control>
            <Accordion.Panel>{section.body}</Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </Stack>
  );
}

/** "Why was this routed here?": the sentence first, everything else on demand. */
export function ExplainDrawer({ id, state, opened, onClose }: Props) {
  const { t } = useTranslation();
  const found = useExplanation(id, opened);
  // Work that arrived a moment ago: the router's word follows, and the live connection brings it.
  const early = found.error instanceof ApiError && found.error.status === 404;
  return (
    <Drawer opened={opened} onClose={onClose} position="right" size={430} title={<Text fw={650}>{t(state === "waiting" ? "explain.titleWaiting" : "explain.title")}</Text>}
      closeButtonProps={{ "aria-label": t("common.close") }}>
      {found.isPending && <Center mih={200}><Loader aria-label={t("common.loading")} /></Center>}
      {early && (
        <div className={classes.sentence} data-placed={false}>
          <Text fz="lg" fw={550} lh={1.5} role="status" data-testid="explain-sentence">{t("explain.noReason")}</Text>
        </div>
      )}
      {found.isError && !early && (
        <Stack role="alert">
          <Text>{errorText(found.error)}</Text>
          <Button variant="light" onClick={() => void found.refetch()}>{t("common.retry")}</Button>
        </Stack>
      )}
      {found.data && <Body explanation={found.data} state={state} />}
    </Drawer>
  );
}
