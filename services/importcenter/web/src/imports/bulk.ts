import { ApiError, client, take } from "../api/client";

export type Verb = "pause" | "resume" | "run";

/** Outcome is what became of an action on one import of several. */
export interface Outcome {
  import: string;
  /** Why it was not done; absent if it was. */
  refused?: string;
  /** It asks a person first, because it cannot be taken back: that is answered for each import by itself. */
  asks?: boolean;
}

const atOnce = 4;

/** each sends a command for several imports, a few at once, and tells what became of each. */
export async function each(verb: Verb, names: string[], send = one): Promise<Outcome[]> {
  const left = [...names];
  const out = new Map<string, Outcome>();
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) out.set(name, await outcome(verb, name, send));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return names.flatMap((name) => out.get(name) ?? []);
}

async function outcome(verb: Verb, name: string, send: typeof one): Promise<Outcome> {
  try {
    await send(verb, name);
    return { import: name };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { import: name, refused: error.problem.detail, ...(error.problem.confirmation === undefined ? {} : { asks: true }) };
  }
}

async function one(verb: Verb, name: string): Promise<void> {
  const params = { path: { import: name }, header: { "Idempotency-Key": crypto.randomUUID() } };
  if (verb === "run") await take(client.POST("/v1/imports/{import}/runs", { params }));
  else if (verb === "pause") await take(client.POST("/v1/imports/{import}/pause", { params }));
  else await take(client.POST("/v1/imports/{import}/resume", { params }));
}
