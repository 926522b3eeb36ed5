import { Anchor, Text } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import type { ReactNode } from "react";

import { count, health } from "../format/number";
import { took } from "../format/time";
import { text } from "../text";
import { Chart } from "./Chart";
import type { Line } from "./Chart";
import { valuesOf } from "./series";
import type { Point } from "./series";

const t = text.import.stats;
const time = (seconds: number) => took(1000 * seconds);
const percent = (n: number) => health(n / 100);

/** Charts show volumes, health, freshness and durations of a period. The table below has the same figures. */
export default function Charts({ points, days }: { points: Point[]; days: boolean }): ReactNode {
  const navigate = useNavigate();
  const onOpen = (run: string) => void navigate({ to: "/runs/$run", params: { run } });
  const lines = useMemo(() => linesOf(points, days), [points, days]);
  return (
    <>
      <div className="charts">
        <Chart title={t.charts.volumes} points={points} lines={lines.volumes} write={count} onOpen={onOpen} />
        {some(lines.health) && <Chart title={t.charts.health} points={points} lines={lines.health} top={100} write={percent} onOpen={onOpen} />}
        {some(lines.freshness) && <Chart title={t.charts.freshness} help={t.freshnessHelp} points={points} lines={lines.freshness} write={time} onOpen={onOpen} />}
        <Chart title={t.charts.duration} points={points} lines={lines.duration} write={time} onOpen={onOpen} />
      </div>
      {!days && <Text size="sm">{t.opens}</Text>}
      <details><summary>{t.figures}</summary><Figures points={points} /></details>
    </>
  );
}

/** some tells whether there is anything to draw. */
function some(lines: Line[]): boolean {
  return lines.some((l) => l.values.some((v) => v !== null));
}

function linesOf(points: Point[], days: boolean): Record<"volumes" | "health" | "freshness" | "duration", Line[]> {
  const v = (of: "loaded" | "unchanged" | "rejected" | "skipped") => valuesOf(points, (p) => p.volumes?.[of]);
  const skipped = v("skipped");
  return {
    volumes: [
      { label: t.loaded, values: v("loaded"), tone: "ok" }, { label: t.unchanged, values: v("unchanged"), tone: "idle", dash: [2, 4] }, { label: t.rejected, values: v("rejected"), tone: "bad", dash: [6, 4] },
      ...(skipped.some((n) => (n ?? 0) > 0) ? [{ label: t.skipped, values: skipped, tone: "running" as const, dash: [10, 4] }] : []),
    ],
    health: [{ label: t.gotThrough, values: valuesOf(points, (p) => p.health), tone: "ok" }],
    freshness: [{ label: t.age, values: valuesOf(points, (p) => p.freshness), tone: "running" }],
    duration: days
      ? [{ label: t.median, values: valuesOf(points, (p) => p.duration), tone: "running" }, { label: t.slow, values: valuesOf(points, (p) => p.slow), tone: "bad", dash: [6, 4] }]
      : [{ label: t.took, values: valuesOf(points, (p) => p.duration), tone: "running" }],
  };
}

function Figures({ points }: { points: Point[] }): ReactNode {
  return (
    <div className="scroll grid" tabIndex={0} role="region" aria-label={t.figures}>
      <table className="table">
        <thead><tr><th scope="col">{t.when}</th>{[t.loaded, t.unchanged, t.rejected, t.skipped, t.charts.health, t.charts.freshness, t.took].map((h) => <th key={h} scope="col" className="numbers">{h}</th>)}</tr></thead>
        <tbody>
          {[...points].reverse().map((p) => (
            <tr key={p.name}>
              <th scope="row">{p.run === undefined ? p.name : <Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: p.run ?? "" }} />}>{p.name}</Anchor>}</th>
              {(["loaded", "unchanged", "rejected", "skipped"] as const).map((of) => <td key={of} className="numbers">{p.volumes === undefined ? t.none : count(p.volumes[of])}</td>)}
              <td className="numbers">{p.health === undefined ? t.none : percent(p.health)}</td><td className="numbers">{p.freshness === undefined ? t.none : time(p.freshness)}</td><td className="numbers">{p.duration === undefined ? t.none : time(p.duration)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
