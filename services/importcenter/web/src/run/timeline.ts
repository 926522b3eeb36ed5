import type { Run } from "../api/client";

/** Bar is when a stage worked, as parts of a thousand of the run's time. */
export interface Bar {
  name: string;
  from: number;
  to: number;
  took: number;
}

const order = ["extract", "map", "load"];

/** bars lays the stages' first and last reports on the run's time. */
export function bars(run: Pick<Run, "stages" | "startedAt" | "finishedAt">, now: number): Bar[] {
  const begin = Date.parse(run.startedAt);
  const end = Math.max(begin + 1, run.finishedAt === null ? now : Date.parse(run.finishedAt));
  const place = (at: number) => Math.round((1000 * (Math.min(Math.max(at, begin), end) - begin)) / (end - begin));
  return order.flatMap((name) => {
    const stage = run.stages?.[name];
    if (stage === undefined) return [];
    const [first, last] = [Date.parse(stage.first), Date.parse(stage.last)];
    return [{ name, from: place(first), to: place(last), took: last - first }];
  });
}
