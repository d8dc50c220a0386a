import { Button, Center, Loader, Stack, Text } from "@mantine/core";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useMe } from "../api/queries";
import { useSessionChange } from "../api/session";
import { switchLocale, takePicked } from "../i18n";
import { LiveProvider } from "../live/LiveProvider";
import { LoginPage } from "../login/LoginPage";
import { Shell } from "../shell/Shell";
import { errorText } from "./errors";

export function App() {
  const me = useMe();
  const { t, i18n } = useTranslation();
  const change = useSessionChange();
  const wanted = me.data?.locale;
  const agent = me.data?.agent_id;

  useEffect(() => {
    if (!agent || !wanted) return;
    // The account's language counts, unless another one was chosen on the login page just now.
    const picked = takePicked();
    if (picked && picked !== wanted) change.mutate({ locale: picked });
    else if (wanted !== i18n.language) void switchLocale(wanted);
  }, [agent]);

  if (me.isPending) {
    return <Center h="100%"><Loader aria-label={t("common.loading")} /></Center>;
  }
  if (me.isError) {
    return (
      <Center h="100%" p="lg">
        <Stack align="center" role="alert">
          <Text>{errorText(me.error)}</Text>
          <Button onClick={() => void me.refetch()}>{t("common.retry")}</Button>
        </Stack>
      </Center>
    );
  }
  if (!me.data) return <LoginPage />;
  return (
    <LiveProvider me={me.data.agent_id}>
      <Shell me={me.data} />
    </LiveProvider>
  );
}
