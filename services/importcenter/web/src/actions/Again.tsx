import { Group, NumberInput, Text, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useState } from "react";

import { client, take } from "../api/client";
import { text } from "../text";
import { Considered } from "./Considered";
import type { Body } from "./Considered";

const t = text.actions;

/** Backfill reads a span of the cursor again. */
export function Backfill({ name }: { name: string }): ReactNode {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const body: Body | undefined = from === "" || to === "" ? undefined : { action: "backfill", from: from.trim(), to: to.trim() };
  return (
    <>
      <TextInput label={t.backfill.from} description={t.backfill.help} value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
      <TextInput label={t.backfill.to} value={to} onChange={(e) => setTo(e.currentTarget.value)} />
      <Considered name={name} body={body} verb={t.backfill.go} send={(agreed, key) =>
        take(client.POST("/v1/imports/{import}/backfills", { params: { path: { import: name }, query: agreed, header: { "Idempotency-Key": key } }, body: { from: from.trim(), to: to.trim() } }))} />
    </>
  );
}

/** Resend sends again what runs have loaded. */
export function Resend({ name }: { name: string }): ReactNode {
  const [first, setFirst] = useState<number | string>("");
  const [last, setLast] = useState<number | string>("");
  const span = typeof first !== "number" ? undefined : { first, last: typeof last === "number" ? last : first };
  return (
    <>
      <Text size="xs">{t.resend.help}</Text>
      <Group grow align="end">
        <NumberInput label={t.resend.first} min={1} allowDecimal={false} hideControls value={first} onChange={setFirst} />
        <NumberInput label={t.resend.last} min={1} allowDecimal={false} hideControls value={last} onChange={setLast} />
      </Group>
      <Considered name={name} body={span === undefined ? undefined : { action: "resend", ...span }} verb={t.resend.go} send={(agreed, key) =>
        take(client.POST("/v1/imports/{import}/resends", { params: { path: { import: name }, query: agreed, header: { "Idempotency-Key": key } }, body: span ?? { first: 0, last: 0 } }))} />
    </>
  );
}

const reset: Body = { action: "reset" };

/** Reset forgets the watermark. */
export function Reset({ name }: { name: string }): ReactNode {
  return (
    <Considered name={name} body={reset} verb={() => t.reset.go(name)} done={t.reset.done} send={async (agreed, key) => {
      await take(client.POST("/v1/imports/{import}/reset", { params: { path: { import: name }, query: agreed, header: { "Idempotency-Key": key } } }));
      return {};
    }} />
  );
}
