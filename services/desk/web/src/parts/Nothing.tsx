import { Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  icon: ReactNode;
  title: string;
  hint?: string;
  children?: ReactNode;
}

/** An empty place that says why it is empty and what to do. */
export function Nothing({ icon, title, hint, children }: Props) {
  return (
    <Stack align="center" justify="center" gap={6} p="xl" ta="center" mih={180} c="dimmed" flex={1}>
      {icon}
      <Text fw={600} c="var(--mantine-color-text)" mt={4}>{title}</Text>
      {hint && <Text size="sm" maw={320}>{hint}</Text>}
      {children}
    </Stack>
  );
}
