import { DirectionProvider, localStorageColorSchemeManager, MantineProvider, useDirection } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../api/client";
import { keys } from "../api/keys";
import type { Locale } from "../api/types";
import { directionOf } from "../i18n";
import { showError } from "./errors";
import { cssVariables, theme } from "./theme";

const colorSchemes = localStorageColorSchemeManager({ key: "payvand-color-scheme" });

function onError(error: Error): void {
  // The session ended elsewhere or ran out: the login page takes over, no other message is needed.
  if (error instanceof ApiError && error.status === 401) client.setQueryData(keys.me, null);
}

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({
    onError: (error, _input, _context, mutation) => {
      if (mutation.meta?.ownErrors) return;
      onError(error);
      if (!(error instanceof ApiError && error.status === 401)) showError(error);
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
    mutations: { retry: false, networkMode: "always" },
  },
});

function DirectionFollowsLocale({ children }: { children: ReactNode }) {
  const { i18n } = useTranslation();
  const { dir, setDirection } = useDirection();
  const wanted = directionOf(i18n.language as Locale);
  useEffect(() => {
    if (dir !== wanted) setDirection(wanted);
  }, [dir, wanted, setDirection]);
  return children;
}

export function Providers({ children }: { children: ReactNode }) {
  return (
    <QueryClientProvider client={client}>
      <DirectionProvider initialDirection={document.documentElement.dir === "rtl" ? "rtl" : "ltr"} detectDirection={false}>
        <MantineProvider theme={theme} cssVariablesResolver={cssVariables} colorSchemeManager={colorSchemes} defaultColorScheme="auto">
          <DirectionFollowsLocale>
            <Notifications position="bottom-center" autoClose={6000} limit={4} />
            {children}
          </DirectionFollowsLocale>
        </MantineProvider>
      </DirectionProvider>
    </QueryClientProvider>
  );
}
