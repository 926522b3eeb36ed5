import "uplot/dist/uPlot.min.css";

import { Text, useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import uPlot from "uplot";

import { absolute } from "../format/time";
import { apart } from "./series";
import type { Point } from "./series";

/** Line is a figure of all points. */
export interface Line {
  label: string;
  values: (number | null)[];
  tone: "ok" | "bad" | "idle" | "running";
  dash?: number[];
}

export interface ChartProps {
  title: string;
  help?: string;
  points: Point[];
  lines: Line[];
  /** The upper end of the axis, if it does not follow from the figures. */
  top?: number;
  write: (value: number) => string;
  onOpen: (run: string) => void;
}

const inks = {
  light: { ok: "#1c6b2a", bad: "#b02020", idle: "#5c5f66", running: "#1864ab", text: "#33363c", grid: "#dee2e6" },
  dark: { ok: "#86d993", bad: "#ff8787", idle: "#c1c2c5", running: "#74c0fc", text: "#d0d3d8", grid: "#3b3f45" },
};
const height = 170;
const labelled = 104; // pixels to the right of the last point, for the labels
const lineHeight = 14;

/** Chart draws figures over time, from zero. Each line is labelled where it ends; a point that is a run opens it. */
export function Chart({ title, help, points, lines, top, write, onOpen }: ChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const dark = useComputedColorScheme("light") === "dark";
  const [under, setUnder] = useState<number>();
  const open = useRef(onOpen);
  useEffect(() => {
    open.current = onOpen;
  });
  useEffect(() => {
    const within = place.current;
    if (within === null) return undefined;
    const ink = dark ? inks.dark : inks.light;
    const axis = { stroke: ink.text, grid: { stroke: ink.grid, width: 1 }, ticks: { stroke: ink.grid, width: 1 }, font: "12px system-ui, sans-serif" };
    const first = points[0]?.at ?? 0;
    const last = points.at(-1)?.at ?? 0;
    const margin = Math.max(60, (last - first) / 40);
    const chart = new uPlot(
      {
        width: within.clientWidth, height, padding: [8, labelled, 0, 0], legend: { show: false },
        scales: { x: { range: [first - margin, last + margin] }, y: { range: (_u, _min, max) => [0, top ?? Math.max(1, max * 1.05)] } },
        cursor: { points: { size: 8 }, drag: { x: false, y: false } },
        axes: [{ ...axis, space: 70, values: (_u, ticks, _n, _s, step) => ticks.map((at) => instant(at, step)) }, { ...axis, size: 64, values: (_u, ticks) => ticks.map(write) }],
        series: [{}, ...lines.map((l) => ({ label: l.label, stroke: ink[l.tone], width: 2, points: { show: true, size: 5, fill: ink[l.tone] }, ...(l.dash === undefined ? {} : { dash: l.dash }) }))],
        hooks: {
          draw: [(u) => label(u, lines, ink)],
          setCursor: [(u) => setUnder(u.cursor.idx ?? undefined)],
        },
      },
      [points.map((p) => p.at), ...lines.map((l) => l.values)],
      within,
    );
    const onClick = () => {
      const run = points[chart.cursor.idx ?? -1]?.run;
      if (run !== undefined) open.current(run);
    };
    chart.over.addEventListener("click", onClick);
    const resized = new ResizeObserver(() => {
      if (within.clientWidth !== chart.width) chart.setSize({ width: within.clientWidth, height });
    });
    resized.observe(within);
    return () => {
      resized.disconnect();
      chart.destroy();
    };
  }, [points, lines, top, write, dark]);
  const at = under ?? points.length - 1;
  const told = lines.filter((l) => l.values[at] !== null && l.values[at] !== undefined).map((l) => `${l.label} ${write(l.values[at] ?? 0)}`);
  return (
    <figure className="chart" aria-label={title}>
      <figcaption><Text size="sm" fw={600}>{title}</Text>{help !== undefined && <Text size="xs">{help}</Text>}<Text size="xs">{points[at]?.name}{told.length > 0 && `: ${told.join(", ")}`}</Text></figcaption>
      <div ref={place} aria-hidden />
    </figure>
  );
}

/** instant writes a tick of the axis of time: a day, or a time of day where ticks are closer. */
function instant(at: number, step: number): string {
  const whole = absolute(new Date(at * 1000).toISOString());
  return step >= 86_400 ? whole.slice(5, 10) : whole.slice(11, step < 60 ? 19 : 16);
}

/** label writes what each line is beside its last point. */
function label(u: uPlot, lines: Line[], ink: (typeof inks)["light"]): void {
  const ratio = devicePixelRatio;
  const ends = lines.map((l) => l.values.findLastIndex((v) => v !== null));
  const heights = apart(lines.map((l, n) => u.valToPos(l.values[ends[n] ?? -1] ?? 0, "y", true)), lineHeight * ratio);
  u.ctx.save();
  u.ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  u.ctx.textAlign = "left";
  u.ctx.textBaseline = "middle";
  lines.forEach((l, n) => {
    const end = ends[n] ?? -1;
    if (end < 0) return;
    u.ctx.fillStyle = ink[l.tone];
    u.ctx.fillText(l.label, u.bbox.left + u.bbox.width + 8 * ratio, heights[n] ?? 0);
  });
  u.ctx.restore();
}
