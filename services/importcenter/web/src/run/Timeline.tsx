import { Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import type { Run } from "../api/client";
import { isActive, runLogQuery } from "../api/queries";
import { ProblemNote } from "../app/ProblemNote";
import { clock, span } from "../format/time";
import { text } from "../text";
import { bars } from "./timeline";

const t = text.run.timeline;

/** Timeline shows when each stage worked and what happened, from the run's own reports: no tracing system is asked. */
export function Timeline({ run, now }: { run: Run; now: number }): ReactNode {
  const log = useQuery(runLogQuery(run.run, isActive(run.state)));
  const entries = log.data ?? [];
  const shown = bars(run, now);
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h5">{t.title}</Title>
      {shown.map((b) => (
        <div key={b.name} className="bar">
          <Text size="sm">{text.run.stage[b.name] ?? b.name}</Text>
          <svg viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label={t.bar(text.run.stage[b.name] ?? b.name, span(b.took))}><rect x={b.from} width={Math.max(2, b.to - b.from)} height={16} /></svg>
          <Text size="sm" className="numbers">{span(b.took)}</Text>
        </div>
      ))}
      <ProblemNote error={log.error} />
      {entries.length > 0 && (
        <ol className="log">
          {entries.map((e, n) => <li key={`${e.time} ${n}`}><time dateTime={e.time}>{clock(e.time)}</time> <span className={e.kind === "error" ? "bad" : ""}>{e.text}</span></li>)}
        </ol>
      )}
    </Stack>
  );
}
