import { Anchor, Group, List, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";

import { useAction } from "../action/useAction";
import type { Agreement } from "../action/agreement";
import { client, take } from "../api/client";
import type { Confirmation, Schemas } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { count } from "../format/number";
import { text } from "../text";

const t = text.actions;

export type Body = Schemas["PlanActionInputBody"];

interface Props {
  name: string;
  /** What is considered; undefined while something is missing. */
  body: Body | undefined;
  verb: (what: string) => string;
  send: (agreed: Agreement, key: string) => Promise<{ run?: string }>;
  /** What is said once it is done, of an action that begins no run. */
  done?: string;
}

/** Considered shows what an action would do before it can be started: what was shown is of what was typed. */
export function Considered({ name, body, verb, send, done }: Props): ReactNode {
  const typed = JSON.stringify(body);
  const [shown, setShown] = useState<{ of: string | undefined; effect: Confirmation }>();
  const [began, setBegan] = useState<{ run?: string }>();
  const plan = useMutation({
    mutationFn: (b: Body) => take(client.POST("/v1/imports/{import}/actions/plan", { params: { path: { import: name } }, body: b })),
    onSuccess: (effect, b) => {
      setBegan(undefined);
      setShown({ of: JSON.stringify(b), effect });
    },
  });
  const action = useAction(async (agreed, key) => {
    setBegan(await send(agreed, key));
    setShown(undefined);
  });
  const effect = shown?.of === typed ? shown?.effect : undefined;
  return (
    <Stack gap="xs">
      <Group><Press variant="default" busy={plan.isPending} disabled={body === undefined} onClick={() => body !== undefined && plan.mutate(body)}>{effect === undefined ? t.plan : t.again}</Press></Group>
      {effect !== undefined && (
        <div role="status">
          <Text fw={600}>{t.estimate(recordsOf(effect), text.confirm.account(effect.account, effect.environment ?? text.confirm.unsaid))}</Text>
          <List size="sm">{effect.sentences.map((s) => <List.Item key={s}>{s}</List.Item>)}</List>
        </div>
      )}
      {effect !== undefined && <Group><Press busy={action.pending} onClick={action.start}>{verb(t.estimate(recordsOf(effect), effect.account))}</Press></Group>}
      <ProblemNote error={plan.error ?? action.error} />
      {action.dialog}
      {began !== undefined && <Began run={began.run} done={done} />}
    </Stack>
  );
}

/** Began names the run that an action has begun. */
export function Began({ run, done }: { run: string | undefined; done?: string | undefined }): ReactNode {
  if (run === undefined) return <Text role="status">{done}</Text>;
  return <Text role="status">{t.started} <Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run }} />}>{run}</Anchor></Text>;
}

function recordsOf(c: Confirmation): string {
  if (!c.recordsKnown || c.records === undefined) return t.unknown;
  return `${count(c.records)} ${c.type}${c.records === 1 ? "" : "s"}`;
}
