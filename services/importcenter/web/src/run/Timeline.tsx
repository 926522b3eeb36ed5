import { Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import type { Run, Schemas } from "../api/client";
import { isActive, runLogQuery, runTimelineQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { ProblemNote } from "../app/ProblemNote";
import { count } from "../format/number";
import { clock, took } from "../format/time";
import { text } from "../text";
import { lanesOf, readBy } from "./lanes";
import type { Lane } from "./lanes";

const t = text.run.timeline;

/** Timeline shows on what a run spent its time and what happened, from its own reports: no tracing system is asked. */
export function Timeline({ run, now }: { run: Run; now: number }): ReactNode {
  const moves = isActive(run.state);
  const log = useQuery(runLogQuery(run.run, moves));
  const timeline = useQuery(runTimelineQuery(run.run, moves));
  const entries = log.data ?? [];
  const lanes = lanesOf(timeline.data?.spans ?? [], run, now);
  return (
    <Stack gap="xs" component="section" aria-label={t.title}>
      <Title order={2} size="h5">{t.title}</Title>
      {lanes.map((lane) => <Bar key={lane.name} lane={lane} />)}
      {timeline.data?.truncated === true && <Text size="sm">{t.truncated}</Text>}
      <ProblemNote error={log.error ?? timeline.error} />
      {entries.length > 0 && (
        <ol className="log">
          {entries.map((e, n) => <li key={`${e.time} ${n}`}><time dateTime={e.time}>{clock(e.time)}</time> <span className={e.kind === "error" ? "bad" : ""}>{e.text}</span></li>)}
        </ol>
      )}
      {(timeline.data?.attempts ?? []).length > 1 && <Attempts attempts={timeline.data?.attempts ?? []} />}
      {(timeline.data?.places ?? []).length > 0 && <Places places={timeline.data?.places ?? []} />}
    </Stack>
  );
}

/** What a run waits for is told apart from what it does. */
const waiting = new Set(["queued", "held", "queue", "wait", "retry"]);

function Bar({ lane: l }: { lane: Lane }): ReactNode {
  const told = [l.took > 0 && took(l.took), l.count > 0 ? t.counted[l.name]?.(count(l.count)) : undefined].filter(Boolean).join(", ");
  const name = t.lanes[l.name] ?? l.name;
  return (
    <div className="lane">
      <Text size="sm">{name}</Text>
      <svg viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label={`${name}: ${told}`} className={waiting.has(l.name) ? "waits" : ""}>
        {l.spans.map((s, n) => <rect key={n} x={Math.min(s.from, 997)} width={Math.max(3, s.to - s.from)} height={16}>{s.text !== undefined && <title>{s.text}</title>}</rect>)}
      </svg>
      <Text size="sm">{told}</Text>
    </div>
  );
}

/** Attempts are the tries of a run, of which the last one decides. */
function Attempts({ attempts }: { attempts: Schemas["RunsTried"][] }): ReactNode {
  const c = text.run.attemptColumns;
  return (
    <Stack gap="xs">
      <Title order={3} size="h6">{text.run.attempts}</Title>
      <Text size="sm">{text.run.attemptsWhat}</Text>
      <table className="table narrow">
        <thead><tr><th scope="col" className="numbers">{c.attempt}</th><th scope="col">{c.first}</th><th scope="col">{c.last}</th><th scope="col" className="numbers">{c.took}</th></tr></thead>
        <tbody>{attempts.map((a) => <tr key={a.attempt}><td className="numbers">{count(a.attempt)}</td><td>{clock(a.first)}</td><td>{clock(a.last)}</td><td className="numbers">{took(Date.parse(a.last) - Date.parse(a.first))}</td></tr>)}</tbody>
      </table>
    </Stack>
  );
}

function Places({ places }: { places: Schemas["RunPlace"][] }): ReactNode {
  const c = t.placeColumns;
  return (
    <details>
      <summary>{t.places}</summary>
      <Stack gap="xs" mt="xs">
        <div className="scroll" tabIndex={0} role="region" aria-label={t.places}>
          <table className="table narrow">
            <thead><tr><th scope="col">{c.topic}</th><th scope="col" className="numbers">{c.partition}</th><th scope="col" className="numbers">{c.from}</th><th scope="col" className="numbers">{c.to}</th><th scope="col" className="numbers">{c.count}</th></tr></thead>
            <tbody>{places.map((p) => <tr key={`${p.topic} ${p.partition}`}><td>{p.topic}</td><td className="numbers">{p.partition}</td><td className="numbers">{p.from}</td><td className="numbers">{p.to}</td><td className="numbers">{count(p.count)}</td></tr>)}</tbody>
          </table>
        </div>
        <Commands title={t.read} lines={places.map(readBy)} />
      </Stack>
    </details>
  );
}
