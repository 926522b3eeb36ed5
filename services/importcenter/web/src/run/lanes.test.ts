import { expect, test } from "vitest";

import { lanesOf, readBy, traceOf } from "./lanes";

const at = (s: number) => new Date(Date.UTC(2026, 10, 30, 10, 0, s)).toISOString();

test("spans lie on the run's time, in the order of the rows' way, and clocks that differ keep within it", () => {
  const spans = [
    { lane: "upload" as const, from: at(5), to: at(12), count: 40 }, { lane: "upload" as const, from: at(4), to: at(5), count: 2 },
    { lane: "wait" as const, from: at(4), to: at(5), text: "clevertap: HTTP 429" }, { lane: "execute" as const, from: at(1), to: at(4) },
  ];
  expect(lanesOf(spans, { startedAt: at(0), finishedAt: at(10) }, 0)).toEqual([
    { name: "execute", spans: [{ from: 100, to: 400, text: undefined }], took: 3000, count: 0 },
    { name: "wait", spans: [{ from: 400, to: 500, text: "clevertap: HTTP 429" }], took: 1000, count: 0 },
    { name: "upload", spans: [{ from: 500, to: 1000, text: undefined }, { from: 400, to: 500, text: undefined }], took: 8000, count: 42 },
  ]);
});

test("a run that goes on is as long as it has lasted", () => {
  expect(lanesOf([{ lane: "queue", from: at(0), to: at(5) }], { startedAt: at(0), finishedAt: null }, Date.parse(at(10)))[0]?.spans).toEqual([{ from: 0, to: 500, text: undefined }]);
  expect(lanesOf([], { startedAt: at(0), finishedAt: null }, Date.parse(at(5)))).toEqual([]);
});

test("a command reads as many records as the run has there", () => {
  expect(readBy({ topic: "tapline.rows.a.v1", partition: 2, from: 40, to: 99, count: 55 })).toBe("kcat -b $BROKERS -t tapline.rows.a.v1 -p 2 -o 40 -c 55 -C -e -f '%k %p-%o %s\\n'");
});

test("a trace has an address where the deployment names a place, and only one of the web", () => {
  expect(traceOf("https://jaeger.example.com/trace/{traceId}", "ab12")).toBe("https://jaeger.example.com/trace/ab12");
  expect(traceOf(undefined, "ab12")).toBeUndefined();
  expect(traceOf("https://jaeger.example.com/trace/{traceId}", "")).toBeUndefined();
  expect(traceOf("javascript:alert({traceId})", "1")).toBeUndefined();
});
