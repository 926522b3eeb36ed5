import { Alert, List, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { ApiError } from "../api/client";

/** ProblemNote shows why something was refused, in the API's own words. */
export function ProblemNote({ error }: { error: unknown }): ReactNode {
  if (error === null || error === undefined) return null;
  const problem = error instanceof ApiError ? error.problem : undefined;
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} role="alert">
      <Text>{problem?.detail ?? String(error)}</Text>
      {problem?.errors !== undefined && problem.errors.length > 0 && (
        <List size="sm" mt="xs">
          {problem.errors.map((e, n) => (
            <List.Item key={n}>{[e.location, e.message].filter(Boolean).join(": ")}</List.Item>
          ))}
        </List>
      )}
      {problem?.traceId !== undefined && <Text size="xs" mt="xs">trace {problem.traceId}</Text>}
    </Alert>
  );
}

/** Unavailable stands for a screen whose subject cannot be shown, with the reason. */
export function Unavailable({ title, error }: { title: string; error: unknown }): ReactNode {
  return (
    <Stack>
      <Title order={1} size="h3">{title}</Title>
      <ProblemNote error={error} />
    </Stack>
  );
}
