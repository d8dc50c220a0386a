import { Center, Drawer, Loader } from "@mantine/core";
import { useDisclosure, useDocumentTitle, useMediaQuery } from "@mantine/hooks";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useConversations, useOffers } from "../api/queries";
import type { Me } from "../api/types";
import { useRoute } from "../app/route";
import { ConversationList } from "../conversations/ConversationList";
import { ConversationPane } from "../timeline/ConversationPane";
import { useFormat } from "../i18n/format";
import { useLive } from "../live/LiveProvider";
import { OfferStack } from "../offers/OfferStack";
import { Announcer } from "./Announcer";
import { Corner } from "./Corner";
import { Header } from "./Header";
import { Palette } from "./Palette";
import { Rail } from "./Rail";
import classes from "./Shell.module.css";
import { ShortcutsHelp } from "./ShortcutsHelp";
import { useShellKeys } from "./keys";

/** Only supervisors come here: agents do not wait for its code. */
const RoutingPage = lazy(() => import("../routing/RoutingPage"));

function useTitle(): void {
  const { t } = useTranslation();
  const format = useFormat();
  const offers = useOffers().data?.length ?? 0;
  const mine = useConversations({ view: "mine", queue: null, q: "" });
  const unread = mine.data?.pages.flatMap((page) => page.items).filter((row) => row.unread > 0).length ?? 0;
  const count = unread > 0 ? `(${format.number(unread)}) ` : "";
  useDocumentTitle(offers > 0 ? `● ${t("offers.title")} · ${t("brand")}` : `${count}${t("brand")}`);
}

export function Shell({ me }: { me: Me }) {
  const { t } = useTranslation();
  const route = useRoute();
  const { send } = useLive();
  const panel = me.role === "agent" ? null : route.panel;
  const [menu, menuControl] = useDisclosure(false);
  const [help, helpControl] = useDisclosure(false);
  const wide = useMediaQuery("(min-width: 1181px)", true, { getInitialValueInEffect: false });
  useTitle();
  useShellKeys(helpControl.open);
  useEffect(() => send({ kind: "viewing", conversation_id: route.conversation }), [route.conversation, send]);

  return (
    <div className={classes.shell} data-open={route.conversation ? true : undefined}>
      <a className="skip-link" href="#conversation" onClick={(event) => {
        event.preventDefault();
        document.getElementById("conversation")?.focus();
      }}>
        {t("shell.skip")}
      </a>
      <Header me={me} onMenu={menuControl.open} onShortcuts={helpControl.open} />
      <div className={classes.panes}>
        {wide && <aside className={classes.rail}><Rail me={me} /></aside>}
        {panel
          ? (
            <main className={classes.page} id="conversation" tabIndex={-1}>
              <Suspense fallback={<Center h="100%"><Loader aria-label={t("common.loading")} /></Center>}><RoutingPage panel={panel} /></Suspense>
            </main>
          )
          : (
            <>
              <section className={classes.list} aria-label={t("list.title")}><ConversationList me={me} /></section>
              <main className={classes.main} id="conversation" tabIndex={-1}>
                <ConversationPane key={route.conversation ?? "none"} id={route.conversation} me={me} />
              </main>
            </>
          )}
      </div>
      <Drawer opened={menu && !wide} onClose={menuControl.close} size={270} title={t("rail.title")} padding={0}
        closeButtonProps={{ "aria-label": t("common.close"), mr: 12 }} styles={{ title: { paddingInlineStart: 16 } }}>
        <Rail me={me} onGo={menuControl.close} />
      </Drawer>
      <Corner me={me} />
      <OfferStack />
      <Palette me={me} onShortcuts={helpControl.open} />
      <ShortcutsHelp opened={help} onClose={helpControl.close} />
      <Announcer />
    </div>
  );
}
