import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { begin } from "./draft";
import type { Draft } from "./draft";
import { Saver } from "./saver";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const version = (n: number): Draft => ({ ...begin("Orders", "profile", "w", "a", "UTC"), displayName: String(n) });

/** Server keeps one draft, checks versions, and answers when told to. */
class Server {
  kept: string[] = [];
  etag = "v0";
  fail = 0;
  answers: (() => void)[] = [];
  active = 0;
  mostActive = 0;

  put = (d: Draft, etag: string): Promise<string> =>
    new Promise((resolve, reject) => {
      this.active++;
      this.mostActive = Math.max(this.mostActive, this.active);
      this.answers.push(() => {
        this.active--;
        if (this.fail > 0) {
          this.fail--;
          reject(new Error("away"));
        } else if (etag !== this.etag) {
          reject(new Error("412"));
        } else {
          this.kept.push(d.displayName);
          this.etag = `v${this.kept.length}`;
          resolve(this.etag);
        }
      });
    });

  async answer(): Promise<void> {
    this.answers.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
  }
}

function make(server: Server): { saver: Saver; states: string[] } {
  const states: string[] = [];
  const saver = new Saver("v0", {
    put: server.put, pause: 100, retry: 1000,
    overtaken: (e) => e instanceof Error && e.message === "412",
    tell: (s) => states.push(s.state),
  });
  return { saver, states };
}

test("typing is saved once, one request at a time, the newest last", async () => {
  const server = new Server();
  const { saver, states } = make(server);
  for (const n of [1, 2, 3]) {
    saver.push(version(n));
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(server.answers.length).toBe(0);
  await vi.advanceTimersByTimeAsync(100);
  saver.push(version(4)); // while the request is under way
  await vi.advanceTimersByTimeAsync(500);
  expect(server.mostActive).toBe(1);
  await server.answer();
  await vi.advanceTimersByTimeAsync(100);
  await server.answer();
  expect(server.kept).toEqual(["3", "4"]);
  expect(states.at(-1)).toBe("saved");
});

test("a failure is tried again, and what was typed meanwhile goes in its place", async () => {
  const server = new Server();
  server.fail = 2;
  const { saver, states } = make(server);
  saver.push(version(1));
  await vi.advanceTimersByTimeAsync(100);
  await server.answer();
  expect(states.at(-1)).toBe("failed");
  await vi.advanceTimersByTimeAsync(1000);
  await server.answer();
  saver.push(version(2));
  await vi.advanceTimersByTimeAsync(1100);
  await server.answer();
  expect(server.kept).toEqual(["2"]);
  expect(states.at(-1)).toBe("saved");
});

test("somebody else's version is not overwritten before a person says so", async () => {
  const server = new Server();
  server.etag = "other";
  const { saver, states } = make(server);
  saver.push(version(1));
  await vi.advanceTimersByTimeAsync(100);
  await server.answer();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(states.at(-1)).toBe("overtaken");
  expect(server.answers.length).toBe(0);
  saver.adopt("other");
  await vi.advanceTimersByTimeAsync(0);
  await server.answer();
  expect(server.kept).toEqual(["1"]);
  saver.stop();
  saver.push(version(2));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(server.answers.length).toBe(0);
});
