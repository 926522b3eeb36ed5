import "uplot/dist/uPlot.min.css";

import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import type { ReactNode } from "react";
import uPlot from "uplot";

import type { Schemas } from "../api/client";
import { text } from "../text";

const t = text.import.stats;

/** VolumesChart draws loaded and rejected rows by day, from zero. The table beside it has the same figures. */
export default function VolumesChart({ days }: { days: Schemas["StatsDay"][] }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const dark = useComputedColorScheme("light") === "dark";
  useEffect(() => {
    if (place.current === null) return undefined;
    const ink = dark ? "#d0d3d8" : "#33363c";
    const axis = { stroke: ink, grid: { stroke: dark ? "#3b3f45" : "#dee2e6" } };
    const chart = new uPlot(
      {
        width: Math.min(960, place.current.clientWidth), height: 200,
        scales: { y: { range: (_u, _min, max) => [0, Math.max(1, max)] } },
        axes: [axis, { ...axis, size: 70 }],
        series: [
          {},
          { label: t.loaded, stroke: dark ? "#86d993" : "#1c6b2a", width: 2, points: { show: true } },
          { label: t.rejected, stroke: dark ? "#ff8787" : "#b02020", width: 2, dash: [6, 4], points: { show: true } },
        ],
      },
      [days.map((d) => Date.parse(`${d.day}T00:00:00Z`) / 1000), days.map((d) => d.volumes.loaded), days.map((d) => d.volumes.rejected)],
      place.current,
    );
    return () => chart.destroy();
  }, [days, dark]);
  return <div ref={place} role="img" aria-label={t.chart(days.length)} />;
}
