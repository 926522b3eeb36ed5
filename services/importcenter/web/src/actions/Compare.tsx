import { Checkbox, Group, NumberInput, Textarea } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";
import { Began } from "./Considered";
import { linesOf } from "./lines";

const t = text.actions;
const sample = 1000;

/** Verify compares rows with what CleverTap holds, and leads to what that shows. */
export function Verify({ name }: { name: string }): ReactNode {
  const navigate = useNavigate();
  const [rows, setRows] = useState<number | string>(sample);
  const [typed, setTyped] = useState("");
  const identities = linesOf(typed);
  const compare = useAction(async (_, key) => {
    const body = { rows: typeof rows === "number" ? rows : sample, ...(identities.length > 0 ? { identities } : {}) };
    const { run } = await take(client.POST("/v1/imports/{import}/verifications", { params: { path: { import: name }, header: { "Idempotency-Key": key } }, body }));
    await navigate({ to: "/verifications/$run", params: { run } });
  });
  return (
    <>
      <NumberInput label={t.verify.rows} description={t.verify.rowsHelp} min={1} max={10_000} allowDecimal={false} hideControls disabled={identities.length > 0} value={rows} onChange={setRows} />
      <Textarea label={t.verify.identities} description={t.verify.identitiesHelp} minRows={2} maxRows={8} autosize autoComplete="off" spellCheck={false} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />
      <Group><Press busy={compare.pending} disabled={identities.length === 0 && typeof rows !== "number"} onClick={compare.start}>{t.verify.go(identities.length)}</Press></Group>
      <ProblemNote error={compare.error} />
      {compare.dialog}
    </>
  );
}

/** Reconcile looks for rows that came behind the watermark. */
export function Reconcile({ name }: { name: string }): ReactNode {
  const [baseline, setBaseline] = useState(false);
  const [began, setBegan] = useState<string>();
  const compare = useAction(async (_, key) => {
    const { run } = await take(client.POST("/v1/imports/{import}/reconciliations", { params: { path: { import: name }, header: { "Idempotency-Key": key } }, body: baseline ? { baseline } : {} }));
    setBegan(run);
  });
  return (
    <>
      <Checkbox label={t.reconcile.baseline} checked={baseline} onChange={(e) => setBaseline(e.currentTarget.checked)} />
      <Group><Press busy={compare.pending} onClick={compare.start}>{baseline ? t.reconcile.goBaseline : t.reconcile.go}</Press></Group>
      <ProblemNote error={compare.error} />
      {compare.dialog}
      {began !== undefined && <Began run={began} />}
    </>
  );
}
