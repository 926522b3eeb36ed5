import { Button, Group, List, Stack, Text, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Listing } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { useMay } from "../app/role";
import { absolute } from "../format/time";
import { text } from "../text";

const t = text.import;

/** Actions are what a person may do with an import now. */
export function Actions({ name, listing }: { name: string; listing: Listing | undefined }): ReactNode {
  const mayAct = useMay("operator");
  const mayChange = useMay("editor");
  const [planning, setPlanning] = useState(false);
  const params = { path: { import: name } };
  const status = listing?.status ?? "";
  const halted = status === "Paused" || status === "Stopped";
  const run = useAction((agreed, key) => take(client.POST("/v1/imports/{import}/runs", { params: { ...params, query: agreed, header: { "Idempotency-Key": key } } })));
  const pause = useAction((_, key) => take(client.POST("/v1/imports/{import}/pause", { params: { ...params, header: { "Idempotency-Key": key } } })), () => halted);
  const resume = useAction((_, key) => take(client.POST("/v1/imports/{import}/resume", { params: { ...params, header: { "Idempotency-Key": key } } })), () => !halted);
  const stop = useAction((_, key) => take(client.POST("/v1/imports/{import}/stop", { params: { ...params, header: { "Idempotency-Key": key } } })), () => status === "Stopped");
  const planned = listing?.planned ?? [];
  return (
    <>
      <Group>
        {mayAct && (
          <>
            <Press busy={run.pending} onClick={run.start} disabled={halted}>{t.run}</Press>
            <Button variant="default" aria-expanded={planning} disabled={halted} onClick={() => setPlanning(!planning)}>{t.plan.open}</Button>
            {halted
              ? <Press variant="default" busy={resume.pending || pause.pending} onClick={resume.start}>{t.resume}</Press>
              : <Press variant="default" busy={pause.pending || resume.pending} onClick={pause.start}>{t.pause}</Press>}
            {status !== "Stopped" && <Press variant="default" busy={stop.pending} onClick={stop.start} title={t.stopHelp}>{t.stop}</Press>}
          </>
        )}
        {mayChange && <Button variant="default" renderRoot={(props) => <Link {...props} to="/imports/$import/edit/$step" params={{ import: name, step: "source" }} />}>{t.edit}</Button>}
      </Group>
      <ProblemNote error={run.error ?? pause.error ?? resume.error ?? stop.error} />
      {run.dialog}{pause.dialog}{resume.dialog}{stop.dialog}
      {planning && <PlanRun name={name} onDone={() => setPlanning(false)} />}
      {planned.length > 0 && (
        <List size="sm">{planned.map((p) => <List.Item key={p.key}><Planned name={name} at={p.at} by={p.actor} may={mayAct} /></List.Item>)}</List>
      )}
    </>
  );
}

/** PlanRun has the scheduler begin a run once, at a time in the viewer's zone. */
function PlanRun({ name, onDone }: { name: string; onDone: () => void }): ReactNode {
  const [at, setAt] = useState("");
  const plan = useAction(async (agreed, key) => {
    await take(client.POST("/v1/imports/{import}/planned-runs", { params: { path: { import: name }, query: agreed, header: { "Idempotency-Key": key } }, body: { at: new Date(at).toISOString() } }));
    onDone();
  });
  return (
    <Stack gap="xs" className="form">
      <TextInput type="datetime-local" label={t.plan.at} description={t.plan.help} value={at} onChange={(e) => setAt(e.currentTarget.value)} />
      <Group><Press disabled={at === ""} busy={plan.pending} onClick={plan.start}>{t.plan.now}</Press></Group>
      <ProblemNote error={plan.error} />
      {plan.dialog}
    </Stack>
  );
}

function Planned({ name, at, by, may }: { name: string; at: string; by: string | undefined; may: boolean }): ReactNode {
  const cancel = useAction((_, key) => take(client.DELETE("/v1/imports/{import}/planned-runs/{at}", { params: { path: { import: name, at }, header: { "Idempotency-Key": key } } })));
  return (
    <>
      <Text span size="sm">{t.plan.planned(absolute(at), by ?? "")}</Text>{" "}
      {may && <Press size="compact-sm" variant="default" busy={cancel.pending} onClick={cancel.start}>{t.plan.cancel}</Press>}
      <ProblemNote error={cancel.error} />
    </>
  );
}
