import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useConversations } from "../api/queries";
import type { ContactCard } from "../api/types";
import { hrefTo } from "../app/route";
import { ChannelIcon } from "../parts/ChannelIcon";
import { Time } from "../parts/Time";
import classes from "./ContactPanel.module.css";

/** Earlier conversations of the same customer, found by name; only those that are surely theirs are shown. */
export function History({ contact, except }: { contact: ContactCard; except: string }) {
  const { t } = useTranslation();
  const name = contact.display_name ?? "";
  const found = useConversations({ view: "all", queue: null, q: name }, name !== "" && contact.conversations > 1);
  const rows = new Map(
    (found.data?.pages.flatMap((page) => page.items) ?? [])
      .filter((row) => row.contact_id === contact.contact_id && row.conversation_id !== except)
      .map((row) => [row.conversation_id, row]),
  );
  if (rows.size === 0) return null;
  return (
    <section>
      <Text component="h3" className={classes.heading ?? ""}>{t("contact.history")}</Text>
      <ul className={classes.list}>
        {[...rows.values()].slice(0, 6).map((row) => (
          <li key={row.conversation_id}>
            <a className={classes.past} href={hrefTo({ view: "all", queue: null, conversation: row.conversation_id })}>
              <ChannelIcon channel={row.channel} size={15} />
              <span className="clip" dir="auto">{row.subject || row.preview}</span>
              <Time at={row.last_at} brief className={classes.small ?? ""} />
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
