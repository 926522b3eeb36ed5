import type { Run, Schemas } from "../api/client";

type Spent = Schemas["RunSpent"];

/** order is from where rows come to where they go; what stops a run stands before what it does. */
const order: Spent["lane"][] = ["queued", "held", "queue", "execute", "chunks", "map", "wait", "upload", "retry"];

/** Lane is on what a run spent its time; its spans are parts of a thousand of the run's time. */
export interface Lane {
  name: Spent["lane"];
  spans: { from: number; to: number; text: string | undefined }[];
  /** Milliseconds, of spans together. */
  took: number;
  count: number;
}

/** lanesOf lays the spans on the run's time; clocks that differ keep within it. */
export function lanesOf(spans: Spent[], run: Pick<Run, "startedAt" | "finishedAt">, now: number): Lane[] {
  const begin = Math.min(Date.parse(run.startedAt), ...spans.map((s) => Date.parse(s.from)));
  const end = Math.max(begin + 1, run.finishedAt === null ? now : Date.parse(run.finishedAt));
  const place = (at: string) => Math.round((1000 * (Math.min(Math.max(Date.parse(at), begin), end) - begin)) / (end - begin));
  return order.flatMap((name) => {
    const of = spans.filter((s) => s.lane === name);
    if (of.length === 0) return [];
    return [{
      name,
      spans: of.map((s) => ({ from: place(s.from), to: place(s.to), text: s.text })),
      took: of.reduce((sum, s) => sum + Math.max(0, Date.parse(s.to) - Date.parse(s.from)), 0),
      count: of.reduce((sum, s) => sum + (s.count ?? 0), 0),
    }];
  });
}

/** readBy is the command that reads a stretch of a partition with rows or records of a run. */
export function readBy(p: Schemas["RunPlace"]): string {
  return `kcat -b $BROKERS -t ${p.topic} -p ${p.partition} -o ${p.from} -c ${p.count} -C -e -f '%k %p-%o %s\\n'`;
}

/** traceOf is where a trace is seen, or nothing if the deployment names no place. */
export function traceOf(template: string | undefined, traceId: string): string | undefined {
  if (template === undefined || template === "" || traceId === "") return undefined;
  const address = template.replaceAll("{traceId}", encodeURIComponent(traceId));
  return /^https?:\/\//.test(address) ? address : undefined;
}
