import type { Agreement } from "../action/agreement";
import { ApiError, client, take } from "../api/client";
import type { Confirmation } from "../api/client";

export type Verb = "pause" | "resume" | "run";

/** Order is what is done to several imports. */
export interface Order {
  verb: Verb;
  names: string[];
  /** One for all tries of a press, so that a lost answer starts nothing twice. */
  press: string;
  /** What a person has agreed to, by import. */
  agreed?: ReadonlyMap<string, Agreement>;
}

/** Outcome is what became of an action on one import of several. */
export interface Outcome {
  import: string;
  /** Why it was not done; absent if it was, or waits for an answer. */
  refused?: string;
  /** What it would do that cannot be taken back: it is not done before a person has agreed. */
  asks?: Confirmation;
}

const atOnce = 4;

/** each sends a command for several imports, a few at once, and tells what became of each. */
export async function each(order: Order, send = one): Promise<Outcome[]> {
  const left = [...order.names];
  const out = new Map<string, Outcome>();
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) out.set(name, await outcome(order, name, send));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return order.names.flatMap((name) => out.get(name) ?? []);
}

/** together are the outcomes of before with those that are known better now. */
export function together(before: Outcome[], now: Outcome[]): Outcome[] {
  const better = new Map(now.map((o) => [o.import, o]));
  return before.map((o) => better.get(o.import) ?? o);
}

async function outcome(order: Order, name: string, send: typeof one): Promise<Outcome> {
  try {
    await send(order, name);
    return { import: name };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { confirmation, detail } = error.problem;
    return confirmation === undefined ? { import: name, refused: detail } : { import: name, asks: confirmation };
  }
}

async function one({ verb, press, agreed }: Order, name: string): Promise<void> {
  const params = { path: { import: name }, header: { "Idempotency-Key": `${press}-${name}`.slice(0, 200) } };
  if (verb === "run") await take(client.POST("/v1/imports/{import}/runs", { params: { ...params, query: agreed?.get(name) ?? {} } }));
  else if (verb === "pause") await take(client.POST("/v1/imports/{import}/pause", { params }));
  else await take(client.POST("/v1/imports/{import}/resume", { params }));
}
