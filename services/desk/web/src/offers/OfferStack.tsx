import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useOfferAnswer } from "../api/actions";
import { serverNow } from "../api/client";
import { useOffers } from "../api/queries";
import type { Offer } from "../api/types";
import { go } from "../app/route";
import { useNow } from "../parts/Time";
import { useSingleKeys } from "../shell/keys";
import { OfferCard } from "./OfferCard";
import classes from "./OfferStack.module.css";

/** Offers ring above everything else until they are answered or run out. The oldest one is what the keys answer. */
export function OfferStack() {
  const { t } = useTranslation();
  const offers = useOffers().data ?? [];
  const now = useNow(1_000);
  const answer = useOfferAnswer();
  const live = offers.filter((offer) => Date.parse(offer.expires_at) > Math.max(now, serverNow()));
  const first = live[0];

  const reply = (offer: Offer, what: "accept" | "reject"): void => {
    answer.mutate({ offer, answer: what });
    if (what === "accept") go({ view: "mine", queue: null, conversation: offer.conversation_id });
  };
  useSingleKeys(
    first ? [["a", () => reply(first, "accept")], ["d", () => reply(first, "reject")]] : [],
    first !== undefined,
  );
  useEffect(() => {
    if (first) document.getElementById(`offer-${first.offer_id}`)?.scrollIntoView({ block: "nearest" });
  }, [first?.offer_id]);

  if (live.length === 0) return null;
  return (
    <section className={classes.stack} aria-label={t("offers.title")}>
      {live.map((offer, index) => (
        <OfferCard key={offer.offer_id} offer={offer} keys={index === 0} onAnswer={(what) => reply(offer, what)} />
      ))}
    </section>
  );
}
