import { Anchor, Group, List, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Run } from "../api/client";
import { useRun } from "../api/live";
import { callerQuery, isActive } from "../api/queries";
import { Badge } from "../app/Badge";
import { Commands } from "../app/Commands";
import { Facts } from "../app/Facts";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useMay } from "../app/role";
import { useNow } from "../app/useNow";
import { count, rows } from "../format/number";
import { relative, span, took } from "../format/time";
import { Late } from "../import/Late";
import { meaningOf } from "../row/catalogue";
import { text } from "../text";
import { Flow } from "./Flow";
import { Timeline } from "./Timeline";
import { outcomesOf } from "./equation";
import { traceOf } from "./lanes";

const route = getRouteApi("/runs/$run");

/** RunScreen is one run: a sentence of how it is, and the way of its rows in numbers that add up. */
export function RunScreen(): ReactNode {
  const { run: name } = route.useParams();
  const now = useNow();
  const { data: run, error, dataUpdatedAt } = useRun(name);
  const traceUrl = useQuery(callerQuery).data?.traceUrl;
  if (run === undefined) return error === null ? <Waiting /> : <Unavailable title={name} error={error} />;
  return (
    <Stack>
      <Group gap="lg">
        <Title order={1} size="h3">{run.run}</Title>
        <Badge state={run.state} word={text.states[run.state] ?? run.state} />
        <Anchor renderRoot={(props) => <Link {...props} to="/imports/$import" params={{ import: run.import }} />}>{run.import}</Anchor>
      </Group>
      {error !== null && <Text role="status">{text.stale(span(now - dataUpdatedAt))}</Text>}
      <Text className="sentence">{run.run} {sentence(run, now)}</Text>
      {run.state === "failed" && <Todo run={run} />}
      <Actions run={run} />
      {isActive(run.state) && run.waiting !== null && <Late name={run.import} />}
      <Title order={2} size="h5">{text.run.equation}</Title>
      <Flow run={run} />
      {isActive(run.state) && <Text size="sm">{text.run.live}</Text>}
      <Group gap="lg">
        <Anchor renderRoot={(props) => <Link {...props} to="/runs/$run/rows" params={{ run: run.run }} search={{}} />}>{text.run.rows}</Anchor>
        <Anchor renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={{ import: run.import }} search={{ run: run.run }} />}>{text.import.rejects}</Anchor>
      </Group>
      <Timeline run={run} now={now} />
      <Figures title={text.run.rejectsByCode} of={run.rejectsByCode}
        link={(code) => <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={{ import: run.import }} search={{ run: run.run, code }} />}>{code}</Anchor>} />
      <Figures title={text.run.skippedByReason} of={run.skippedByReason} link={(reason) => reason} />
      {(run.notes ?? []).length > 0 && (
        <section>
          <Title order={2} size="h5">{text.run.notes}</Title>
          <List>{(run.notes ?? []).map((n) => <List.Item key={n}>{n}</List.Item>)}</List>
        </section>
      )}
      <Title order={2} size="h5">{text.run.facts}</Title>
      <Facts facts={facts(run, now, traceOf(traceUrl, run.traceId))} />
      <Commands lines={[`tapline get run ${run.run}`, `tapline get rows --run ${run.run}`, `tapline get rejects --run ${run.run}`]} api={[`GET /v1/runs/${run.run}`, `GET /v1/runs/${run.run}/timeline`]} />
    </Stack>
  );
}

/** sentence says the one thing that matters of a run now. */
function sentence(run: Run, now: number): string {
  const s = text.run.sentence;
  const o = outcomesOf(run.counts);
  if (run.state === "held") return s.held(run.hold?.reason ?? "");
  if (isActive(run.state) && run.waiting !== null) return s.waits(run.waiting.account, relative(run.waiting.since, now), run.waiting.reason);
  switch (run.state) {
    case "failed": return s.failed(run.error?.reason ?? "");
    case "cancelled": return s.cancelled;
    case "succeeded": return s.done(rows(o.loaded, "row"));
    case "succeededWithRejects": return s.rejects(rows(o.loaded, "row"), count(o.rejected));
    default: return s.active;
  }
}

function facts(run: Run, now: number, trace: string | undefined): [string, ReactNode][] {
  const t = text.run;
  const lasted = (run.finishedAt === null ? now : Date.parse(run.finishedAt)) - Date.parse(run.startedAt);
  const rate = lasted > 0 ? Math.round((run.counts.loaded * 1000) / lasted) : 0;
  return [
    [t.mode, run.mode],
    [t.cause, run.cause ?? t.none],
    [t.attempt, count(run.attempt)],
    [t.began, <Instant key="began" at={run.startedAt} now={now} />],
    [t.ended, <Instant key="ended" at={run.finishedAt} now={now} none={t.none} />],
    [t.took, took(lasted)],
    [t.rate, t.perSecond(count(rate))],
    [t.from, run.watermarkFrom || t.none],
    [t.to, run.watermarkTo || t.none],
    [t.query, run.queryId || t.none],
    ...(run.snowflake === undefined ? [] : [[t.snowflake, takenOf(run.snowflake)] as [string, ReactNode]]),
    ...(run.reconciled === undefined ? [] : [[t.reconciled, t.reconciledValue(count(run.reconciled.came), count(run.reconciled.left))] as [string, ReactNode]]),
    [t.definition, run.generation === undefined ? t.none : <Anchor key="definition" inherit renderRoot={(props) => <Link {...props} to="/imports/$import/definition" params={{ import: run.import }} search={{ generation: run.generation }} />}>{text.import.generationValue(run.generation)}</Anchor>],
    [t.trace, trace === undefined ? run.traceId || t.none : <Anchor key="trace" inherit href={trace} target="_blank" rel="noreferrer">{run.traceId}</Anchor>],
  ];
}

/** Todo says what the catalogue of codes advises after a failure, and leads to where it is done. */
function Todo({ run }: { run: Run }): ReactNode {
  const mayChange = useMay("editor");
  const advice = meaningOf(run.error?.code ?? "")?.action;
  return (
    <Text>
      {advice !== undefined && `${text.run.todo(advice)} `}
      {mayChange && <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/edit/$step" params={{ import: run.import, step: "source" }} />}>{text.run.change}</Anchor>}
    </Text>
  );
}

/** takenOf says what a run has taken at Snowflake. */
function takenOf(s: NonNullable<Run["snowflake"]>): string {
  const t = text.run;
  return [
    t.snowflakeValue(took(1000 * s.queueSeconds), took(1000 * s.executionSeconds)),
    ...(s.secondsPer1000 === undefined ? [] : [t.costOf1000(took(1000 * s.secondsPer1000))]),
    ...(s.secondsPerDay === undefined ? [] : [t.costOfDay(took(1000 * s.secondsPerDay))]),
  ].join("; ");
}

function Figures({ title, of, link }: { title: string; of: Record<string, number>; link: (name: string) => ReactNode }): ReactNode {
  const entries = Object.entries(of).sort((a, b) => b[1] - a[1]);
  if (entries.length === 0) return null;
  return (
    <section>
      <Title order={2} size="h5">{title}</Title>
      <table className="table narrow">
        <tbody>
          {entries.map(([name, n]) => <tr key={name}><th scope="row">{link(name)}</th><td className="numbers">{count(n)}</td></tr>)}
        </tbody>
      </table>
    </section>
  );
}

function Actions({ run }: { run: Run }): ReactNode {
  const params = { path: { run: run.run } };
  const cancel = useAction((_, key) => take(client.POST("/v1/runs/{run}/cancel", { params: { ...params, header: { "Idempotency-Key": key } } })));
  const approve = useAction((_, key) => take(client.POST("/v1/runs/{run}/approve", { params: { ...params, header: { "Idempotency-Key": key } } })));
  const decline = useAction((_, key) => take(client.POST("/v1/runs/{run}/decline", { params: { ...params, header: { "Idempotency-Key": key } } })));
  const may = useMay("operator");
  if (!isActive(run.state) || !may) return null;
  return (
    <>
      <Group>
        {run.state === "held" && <Press busy={approve.pending} onClick={approve.start}>{text.run.approve}</Press>}
        {run.state === "held" && <Press variant="default" busy={decline.pending} onClick={decline.start}>{text.run.decline}</Press>}
        {run.state !== "held" && <Press variant="default" busy={cancel.pending} onClick={cancel.start}>{text.run.cancel}</Press>}
      </Group>
      <ProblemNote error={cancel.error ?? approve.error ?? decline.error} />
      {cancel.dialog}{approve.dialog}{decline.dialog}
    </>
  );
}
