import { Alert, Button, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../api/client";
import { useLogin } from "../api/session";
import { errorText } from "../app/errors";
import { Brand } from "../parts/Brand";
import { IconAlertTriangle } from "../parts/icons";
import { LocalePicker } from "../shell/LocaleSwitch";
import { SchemeToggle } from "../shell/SchemeToggle";
import classes from "./LoginPage.module.css";

export function LoginPage() {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const login = useLogin();
  const wrong = login.error instanceof ApiError && login.error.status === 401;

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    login.mutate({ login: name.trim(), password });
  };

  return (
    <main className={classes.page}>
      <Group className={classes.top} justify="space-between" wrap="nowrap">
        <LocalePicker />
        <SchemeToggle />
      </Group>
      <Paper className={classes.card} p={{ base: "lg", sm: 36 }} radius="lg">
        <Stack gap="lg">
          <Stack gap={10}>
            <Group gap={10}>
              <Brand size={36} />
              <Text fw={700} fz={22}>{t("brand")}</Text>
            </Group>
            <Title order={1} fz={19} mt={10}>{t("login.title")}</Title>
            <Text c="dimmed" size="sm">{t("login.intro")}</Text>
          </Stack>
          <form onSubmit={submit}>
            <Stack gap="md">
              <TextInput
                label={t("login.name")} value={name} onChange={(event) => setName(event.currentTarget.value)}
                autoComplete="username" autoCapitalize="none" spellCheck={false} required withAsterisk={false} autoFocus size="md"
                dir="ltr" classNames={{ input: classes.ltrInput, label: classes.label }} data-testid="login-name"
              />
              <PasswordInput
                label={t("login.password")} value={password} onChange={(event) => setPassword(event.currentTarget.value)}
                autoComplete="current-password" required withAsterisk={false} size="md" classNames={{ label: classes.label }}
                visibilityToggleButtonProps={{ "aria-label": t("login.showPassword") }} data-testid="login-password"
              />
              {login.error && (
                <Alert color="red" variant="light" role="alert" icon={<IconAlertTriangle size={18} />} data-testid="login-error">
                  {wrong ? t("login.wrong") : errorText(login.error)}
                </Alert>
              )}
              <Button type="submit" size="md" mt={4} fullWidth loading={login.isPending} data-testid="login-submit">
                {t("login.submit")}
              </Button>
            </Stack>
          </form>
        </Stack>
      </Paper>
    </main>
  );
}
