import { SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy, useMemo } from "react";
import type { ReactNode } from "react";

import type { Schemas } from "../api/client";
import { statsQuery } from "../api/queries";
import { ProblemNote } from "../app/ProblemNote";
import { count, share } from "../format/number";
import { took } from "../format/time";
import { text } from "../text";
import { pointsOf } from "./series";
import { days, readStatsSearch } from "./statsSearch";

const route = getRouteApi("/imports/$import");
const Charts = lazy(() => import("./Charts"));
const t = text.import.stats;

/** Stats shows volumes, health, freshness and durations: of the newest runs, and by day of the last 7, 30 and 90 days. */
export function Stats({ name }: { name: string }): ReactNode {
  const stats = useQuery(statsQuery(name));
  const navigate = route.useNavigate();
  const { period = "runs" } = route.useSearch();
  const points = useMemo(() => (stats.data === undefined ? [] : pointsOf(stats.data, period, Date.now())), [stats.data, period]);
  if (stats.data === undefined) return <ProblemNote error={stats.error} />;
  const { periods } = stats.data;
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h5">{t.title}</Title>
      {points.length > 0 && (
        <>
          <SegmentedControl aria-label={t.period} className="choice" size="xs" value={String(period)} data={[{ value: "runs", label: t.newest }, ...days.map((d) => ({ value: String(d), label: t.days(d) }))]}
            onChange={(v) => void navigate({ search: readStatsSearch({ period: v }), replace: true, resetScroll: false })} />
          <Suspense fallback={<div className="charts" />}><Charts points={points} days={period !== "runs"} /></Suspense>
        </>
      )}
      <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
        <table className="table">
          <thead><tr><th scope="col">{t.period}</th><th scope="col" className="numbers">{t.runs}</th><th scope="col" className="numbers">{t.read}</th><th scope="col" className="numbers">{t.loaded}</th><th scope="col" className="numbers">{t.rejected}</th><th scope="col" className="numbers">{t.ratio}</th><th scope="col" className="numbers">{t.p50}</th><th scope="col" className="numbers">{t.p95}</th></tr></thead>
          <tbody>
            {periods.map((p) => (
              <tr key={p.days}>
                <th scope="row">{t.days(p.days)}</th><td className="numbers">{count(p.runs)}</td><td className="numbers">{count(p.volumes.read)}</td><td className="numbers">{count(p.volumes.loaded)}</td>
                <td className="numbers">{count(p.volumes.rejected)}</td><td className="numbers">{p.volumes.read === 0 ? t.none : share(p.rejectRatio)}</td>
                <td className="numbers">{p.duration === undefined ? t.none : took(1000 * p.duration.p50)}</td><td className="numbers">{p.duration === undefined ? t.none : took(1000 * p.duration.p95)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {stats.data.cost !== undefined && <Text size="sm">{costOf(stats.data.cost)}</Text>}
      {stats.data.truncated && <Text size="sm">{t.truncated}</Text>}
    </Stack>
  );
}

/** costOf says what the import takes at Snowflake, whose warehouse is paid by time. */
function costOf(c: Schemas["Cost"]): string {
  const parts = [
    t.cost(took(1000 * c.executionSeconds), took(1000 * c.queueSeconds), c.runs),
    ...(c.secondsPer1000 === undefined ? [] : [t.costOf1000(took(1000 * c.secondsPer1000))]),
    ...(c.secondsPerDay === undefined ? [] : [t.costOfDay(took(1000 * c.secondsPerDay))]),
  ];
  return `${parts.join("; ")}.`;
}
