import { Button, Collapse, Group, Kbd, RingProgress, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { serverNow } from "../api/client";
import { useNames } from "../api/names";
import type { Offer } from "../api/types";
import { usePreferences } from "../app/preferences";
import { ReasonDetails } from "../explain/ReasonDetails";
import { useSentence } from "../explain/sentence";
import { useFormat } from "../i18n/format";
import { ChannelIcon, useChannelName } from "../parts/ChannelIcon";
import { IconCheck, IconChevronDown, IconX } from "../parts/icons";
import { TierBadge } from "../parts/TierBadge";
import { Since, useNow } from "../parts/Time";
import classes from "./OfferStack.module.css";

interface Props {
  offer: Offer;
  /** The keys A and D answer this one. */
  keys: boolean;
  onAnswer: (answer: "accept" | "reject") => void;
}

function Countdown({ offer }: { offer: Offer }) {
  const format = useFormat();
  const { t } = useTranslation();
  const now = useNow(250);
  const ends = Date.parse(offer.expires_at);
  const [whole] = useState(() => Math.max(1, ends - serverNow()));
  const left = Math.max(0, ends - now);
  const seconds = Math.ceil(left / 1000);
  return (
    <div className={classes.ringer}>
      <RingProgress
        size={68} thickness={5} roundCaps rootColor="var(--desk-line)" transitionDuration={250}
        aria-label={t("offers.left", { seconds: format.number(seconds) })}
        sections={[{ value: Math.min(100, (left / whole) * 100), color: seconds <= 5 ? "red" : "turquoise" }]}
        label={<Text className={classes.count ?? ""} ta="center">{format.number(seconds)}</Text>}
      />
    </div>
  );
}

export function OfferCard({ offer, keys, onAnswer }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const channel = useChannelName()(offer.channel);
  const { singleKeys } = usePreferences();
  const sentence = useSentence();
  const names = useNames();
  const [detailed, details] = useDisclosure(false);
  const hint = (key: string) => (keys && singleKeys ? <Kbd size="xs" dir="ltr">{key}</Kbd> : null);
  const name = offer.contact_name || t("contact.unknown");
  return (
    <article className={classes.card} id={`offer-${offer.offer_id}`} data-testid="offer-card" data-offer={offer.offer_id} aria-label={t("offers.announce", { name })}>
      <Stack gap={12}>
        <Group gap={14} wrap="nowrap" align="center">
          <Countdown offer={offer} />
          <div style={{ minInlineSize: 0, flex: 1 }}>
            <Group gap={8} wrap="nowrap">
              <Text component="h2" fw={700} fz={17} className="clip" dir="auto">{name}</Text>
              <TierBadge tier={offer.tier} />
            </Group>
            <Group gap={6} c="dimmed" fz="sm" wrap="wrap">
              <ChannelIcon channel={offer.channel} size={15} bare />
              <span>{channel}</span>·<bdi>{offer.queue_name}</bdi>
              {offer.language && <>·<span>{format.language(offer.language)}</span></>}
              ·<span>{t("offers.waited")} <Since at={offer.enqueued_at} /></span>
            </Group>
          </div>
        </Group>
        <p className={classes.preview} dir="auto" data-first={keys || undefined}>{offer.preview}</p>
        <div>
          <p className={classes.why} dir="auto" data-testid="offer-why">{sentence({ reason: offer.why, agent: names.me, queue: offer.queue_id })}</p>
          <Button
            size="compact-xs" variant="subtle" color="gray" ms={-6} onClick={details.toggle} aria-expanded={detailed} aria-controls={`why-${offer.offer_id}`}
            rightSection={<IconChevronDown size={13} className={classes.fold} data-open={detailed || undefined} />} data-testid="offer-details"
          >
            {t("explain.details")}
          </Button>
          <Collapse expanded={detailed} id={`why-${offer.offer_id}`}><ReasonDetails reason={offer.why} /></Collapse>
        </div>
        <Group grow gap={10} preventGrowOverflow={false}>
          <Button
            leftSection={<IconCheck size={18} />} rightSection={hint("A")} onClick={() => onAnswer("accept")} aria-keyshortcuts="a" data-testid="offer-accept"
          >
            {t("offers.accept")}
          </Button>
          <Button
            variant="default" leftSection={<IconX size={18} />} rightSection={hint("D")} onClick={() => onAnswer("reject")} aria-keyshortcuts="d"
            data-testid="offer-decline"
          >
            {t("offers.decline")}
          </Button>
        </Group>
      </Stack>
    </article>
  );
}
