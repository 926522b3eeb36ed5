import { Button, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { FormEvent, ReactNode } from "react";

import { hasKey, setKey } from "../api/client";
import { callerQuery, signInQuery } from "../api/queries";
import { text } from "../text";
import { ProblemNote } from "./ProblemNote";
import { Waiting } from "./Waiting";
import { basePath } from "./base";

/** SignIn offers the ways that the deployment has: before anything else, or again above what somebody was about to do. */
export function SignIn({ again = false }: { again?: boolean }): ReactNode {
  const ways = useQuery(signInQuery);
  if (ways.data === undefined) return ways.error === null ? <Waiting /> : <ProblemNote error={ways.error} />;
  const browser = ways.data.oidc?.browser === true;
  return (
    <Stack maw={480} {...(again ? { role: "alert", mb: "md" } : {})}>
      {again ? <Text fw={600}>{text.signIn.again}</Text> : <Title order={1} size="h3">{text.signIn.title}</Title>}
      {browser && <Button component="a" href={`${basePath}/auth/login?return=${encodeURIComponent(location.pathname + location.search)}`}>{text.signIn.oidc}</Button>}
      {ways.data.keys && <KeyForm />}
      {!browser && !ways.data.keys && <Text>{text.signIn.none}</Text>}
    </Stack>
  );
}

function KeyForm(): ReactNode {
  const queries = useQueryClient();
  const [typed, setTyped] = useState("");
  const [refused, setRefused] = useState(hasKey());
  const use = async (event: FormEvent) => {
    event.preventDefault();
    setKey(typed.trim());
    setRefused(false);
    await queries.refetchQueries({ queryKey: callerQuery.queryKey });
    setRefused(true); // still here: it did not help
  };
  return (
    <form onSubmit={(e) => void use(e)}>
      <Stack gap="xs">
        <PasswordInput label={text.signIn.key} description={text.signIn.keyHelp} value={typed} autoComplete="off"
          error={refused ? text.signIn.refused : undefined} onChange={(e) => setTyped(e.currentTarget.value)} />
        <Button type="submit" variant="default" disabled={typed.trim() === ""}>{text.signIn.use}</Button>
      </Stack>
    </form>
  );
}
