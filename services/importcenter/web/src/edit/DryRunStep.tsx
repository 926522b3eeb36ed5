import { Anchor, Button, Group, List, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { ApiError, client, take, takeExact } from "../api/client";
import type { Run, Schemas } from "../api/client";
import { useRun } from "../api/live";
import { isActive } from "../api/queries";
import { Toned } from "../app/Badge";
import { Commands } from "../app/Commands";
import { Json } from "../app/Json";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { count, rows } from "../format/number";
import { took } from "../format/time";
import { text } from "../text";
import { groupsOf } from "./dryrun";
import type { StepProps } from "./step";

type DryRun = Schemas["DryRun"];

const t = text.edit.dryRun;
const sampleRows = 1000;

/** DryRunStep tries the definition on a random sample, and sends it only when that is said by itself. */
export function DryRunStep({ editor }: StepProps): ReactNode {
  const { draft, saving, isDraft } = editor;
  const [run, setRun] = useState<string>();
  const start = useMutation({
    mutationFn: async () => {
      const params = { path: { import: draft.name }, header: { "Idempotency-Key": crypto.randomUUID() } };
      return (await take(client.POST("/v1/imports/{import}/dryruns", { params, body: { rows: sampleRows } }))) as Run;
    },
    onSuccess: (r) => setRun(r.run),
  });
  const lacks = start.error instanceof ApiError && start.error.problem.code === "import_draft" ? (start.error.problem.errors ?? []) : [];
  return (
    <Stack>
      <Group>
        <Press onClick={() => start.mutate()} busy={start.isPending} disabled={isDraft ? saving.state !== "saved" : saving.state === "typed"}>{t.start(sampleRows)}</Press>
        <Text size="sm">{t.help}</Text>
      </Group>
      {lacks.length > 0 ? (
        <div role="alert"><Text>{t.lacks}</Text><List size="sm">{lacks.map((e) => <List.Item key={`${e.location ?? ""} ${e.message}`}>{[e.location, e.message].filter(Boolean).join(": ")}</List.Item>)}</List></div>
      ) : <ProblemNote error={start.error} />}
      {run !== undefined && <Progress run={run} editor={editor} />}
      <Commands lines={[`tapline dryrun ${draft.name}`]} api={[`POST /v1/imports/${draft.name}/dryruns`]} />
    </Stack>
  );
}

function Progress({ run, editor }: { run: string; editor: StepProps["editor"] }): ReactNode {
  const queries = useQueryClient();
  const state = useRun(run);
  const over = state.data !== undefined && !isActive(state.data.state);
  const result = useQuery({
    queryKey: ["dry run", run],
    queryFn: () => takeExact<DryRun>(client.GET("/v1/dryruns/{run}", { params: { path: { run } }, parseAs: "text" })),
    enabled: over && state.data.state !== "failed",
    staleTime: Infinity,
    structuralSharing: false,
  });
  if (state.error !== null) return <ProblemNote error={state.error} />;
  if (!over) return <Text role="status">{t.running} {state.data?.waiting?.reason}</Text>;
  if (state.data.error !== null) return <Text role="alert">{t.failed(state.data.error.reason)} <Button size="compact-sm" variant="default" onClick={() => void queries.invalidateQueries({ queryKey: ["run", run] })}>{text.back}</Button></Text>;
  if (result.data === undefined) return result.error === null ? null : <ProblemNote error={result.error} />;
  return <Result dryRun={result.data} editor={editor} />;
}

/** Result gives the verdict first, then causes by code, then rows. */
function Result({ dryRun, editor }: { dryRun: DryRun; editor: StepProps["editor"] }): ReactNode {
  const load = dryRun.rows.filter((r) => r.record !== undefined && r.skipped === undefined && (r.rejects ?? []).length === 0).length;
  const reject = dryRun.rows.filter((r) => (r.rejects ?? []).length > 0).length;
  const groups = groupsOf(dryRun);
  const c = t.columns;
  const { estimate, profiles } = dryRun;
  return (
    <Stack>
      <Text className="sentence" role="status">{dryRun.rows.length === 0 ? t.noRows : reject === 0 ? t.allFine : <Toned tone="bad">{t.verdict(load, reject)}</Toned>}</Text>
      {profiles !== undefined && <Text>{t.profiles(profiles.new, profiles.updated, profiles.unknown)}</Text>}
      {estimate !== undefined && <Text>{t.estimate(count(estimate.rows), count(estimate.records), count(estimate.calls), took(1000 * estimate.seconds))}</Text>}
      {groups.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label={c.code}>
          <table className="table">
            <thead><tr><th scope="col">{c.code}</th><th scope="col">{c.property}</th><th scope="col" className="numbers">{c.rows}</th><th scope="col">{c.meaning}</th><th scope="col" /></tr></thead>
            <tbody>
              {groups.map((g) => (
                <tr key={`${g.code} ${g.property}`}>
                  <td>{g.code}</td>
                  <td>{g.property || g.column}</td>
                  <td className="numbers">{count(g.rows.length)}</td>
                  <td className="wraps">
                    {g.reason}
                    <details><summary>{t.rows}</summary>
                      {g.rows.slice(0, 20).map((n) => <div key={n}>{t.rowOf(n + 1)}<Json value={dryRun.rows[n]?.row} mark={g.column} /></div>)}
                    </details>
                  </td>
                  <td><Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/edit/$step" params={{ import: editor.draft.name, step: "properties" }} />}>{t.fix}</Anchor></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {editor.isDraft ? <Text size="sm">{t.needsForce}</Text> : load > 0 && <Send run={dryRun.run.run} records={load} account={editor.draft.spec.destination.accountRef} />}
    </Stack>
  );
}

function Send({ run, records, account }: { run: string; records: number; account: string }): ReactNode {
  const [sent, setSent] = useState<string>();
  const send = useAction(async (agreed, key) => {
    const made = (await take(client.POST("/v1/dryruns/{run}/sync", { params: { path: { run }, query: agreed, header: { "Idempotency-Key": key } } }))) as Run;
    setSent(made.run);
  });
  if (sent !== undefined) {
    return <Text role="status">{t.sent} <Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: sent }} />}>{sent}</Anchor> ({rows(records, "record")})</Text>;
  }
  return (
    <Stack gap="xs">
      <Group><Press variant="default" busy={send.pending} onClick={send.start}>{t.send(records, account)}</Press><Text size="sm">{t.sendHelp}</Text></Group>
      <ProblemNote error={send.error} />
      {send.dialog}
    </Stack>
  );
}
