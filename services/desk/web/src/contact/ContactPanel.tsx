import { ActionIcon, CopyButton, Group, Stack, Text, Tooltip } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { ContactCard, ConversationRow, Identifier } from "../api/types";
import { useFormat } from "../i18n/format";
import { ChannelIcon, useChannelName } from "../parts/ChannelIcon";
import { IconCheck, IconCopy, IconShieldCheck } from "../parts/icons";
import { PersonAvatar } from "../parts/PersonAvatar";
import { TierBadge } from "../parts/TierBadge";
import { Time } from "../parts/Time";
import classes from "./ContactPanel.module.css";
import { History } from "./History";

const CHANNEL_OF: Record<string, string> = { email: "email", phone: "call", telegram: "telegram", visitor: "webchat" };
const BELIEVED: readonly string[] = ["verified", "unique"];

function Identity({ identifier }: { identifier: Identifier }) {
  const { t } = useTranslation();
  const trust = t(`trust.${identifier.trust}`, { defaultValue: identifier.trust });
  return (
    <li className={classes.identity}>
      <ChannelIcon channel={CHANNEL_OF[identifier.type] ?? identifier.type} size={17} />
      <span className={classes.value}>
        <bdi className="clip" dir="ltr">{identifier.value}</bdi>
        <span className={classes.small}>
          {t(`identifiers.${identifier.type}`, { defaultValue: identifier.type })} · {trust}
          {BELIEVED.includes(identifier.trust) && <IconShieldCheck size={13} aria-hidden="true" />}
        </span>
      </span>
      <CopyButton value={identifier.value}>
        {({ copied, copy }) => (
          <Tooltip label={t(copied ? "contact.copied" : "contact.copy")}>
            <ActionIcon variant="subtle" color="gray" size="md" onClick={copy} aria-label={t("contact.copyOf", { value: identifier.value })}>
              {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </li>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Who the customer is: identities, value, wishes and history. */
export function ContactPanel({ contact, conversation }: { contact: ContactCard; conversation: ConversationRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const channelName = useChannelName();
  return (
    <Stack gap="lg" data-testid="contact-card" data-contact={contact.contact_id}>
      <Group gap={12} wrap="nowrap">
        <PersonAvatar name={contact.display_name} seed={contact.contact_id} size={46} />
        <div style={{ minInlineSize: 0 }}>
          <Text component="h2" fw={650} fz={16} lh={1.35} className="clip" dir="auto">{contact.display_name || t("contact.unknown")}</Text>
          <TierBadge tier={contact.tier} />
        </div>
      </Group>
      <section>
        <Text component="h3" className={classes.heading ?? ""}>{t("contact.identities")}</Text>
        <ul className={classes.list}>
          {contact.identifiers.map((one) => <Identity key={`${one.type}:${one.value}`} identifier={one} />)}
        </ul>
      </section>
      <section>
        <Text component="h3" className={classes.heading ?? ""}>{t("contact.about")}</Text>
        <dl className={classes.facts}>
          <Fact term={t("contact.language")}>{contact.language ? format.language(contact.language) : t("common.notKnown")}</Fact>
          <Fact term={t("contact.preferred")}>{contact.preferred_channel ? channelName(contact.preferred_channel) : t("common.notKnown")}</Fact>
          <Fact term={t("contact.firstSeen")}>{contact.first_seen ? <Time at={contact.first_seen} brief /> : t("common.notKnown")}</Fact>
          <Fact term={t("contact.lastSeen")}>{contact.last_seen ? <Time at={contact.last_seen} brief /> : t("common.notKnown")}</Fact>
          <Fact term={t("contact.conversations")}>{format.number(contact.conversations)}</Fact>
        </dl>
      </section>
      <History contact={contact} except={conversation.conversation_id} />
    </Stack>
  );
}
