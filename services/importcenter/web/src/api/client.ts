import createClient from "openapi-fetch";

import { basePath } from "../app/base";
import { parseExact } from "./exact";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Listing = Schemas["Listing"];
export type Run = Schemas["Run"];
export type Counts = Schemas["Counts"];
export type Reject = Schemas["Reject"];
export type Problem = Schemas["Problem"];
export type Confirmation = Schemas["Confirmation"];
export type Definition = Schemas["Definition"];

/** ApiError is an answer of Import Center that refuses a request, or no answer at all. */
export class ApiError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

const keyName = "tapline.key";

/** The key lives as long as the tab: nothing of it is left on the machine. */
export function setKey(key: string): void {
  if (key === "") sessionStorage.removeItem(keyName);
  else sessionStorage.setItem(keyName, key);
}

export function hasKey(): boolean {
  return sessionStorage.getItem(keyName) !== null;
}

/** authorization is the header that a request carries, if a key is used. */
export function authorization(): Record<string, string> {
  const key = sessionStorage.getItem(keyName);
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

export const client = createClient<paths>({ baseUrl: basePath });

client.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(authorization())) request.headers.set(name, value);
    return request;
  },
});

/** signedOut is the event that a request was refused because the session or the key has ended. */
export const signedOut = "tapline-signed-out";

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** take returns what was answered, or throws an ApiError. */
export async function take<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch {
    throw new ApiError({
      status: 0,
      title: "",
      type: "",
      code: "internal",
      detail: "Import Center does not answer. What you see is what it said last; this page asks again by itself.",
    });
  }
  if (answer.response.ok) return answer.data as T;
  // Whoever stands at the screen is asked to sign in again; what was typed is kept.
  if (answer.response.status === 401) dispatchEvent(new Event(signedOut));
  throw new ApiError(asProblem(answer.error, answer.response.status));
}

/** takeExact returns an answer that was asked for as a text (parseAs), and changes no number in it. */
export async function takeExact<T>(request: Promise<Answer<unknown>>): Promise<T> {
  return parseExact((await take(request)) as string) as T;
}

/** takeFile returns an answer that was asked for as a blob (parseAs). */
export async function takeFile(request: Promise<Answer<unknown>>): Promise<Blob> {
  return (await take(request)) as Blob;
}

/** asProblem reads a problem document; a proxy in between may answer with something else. */
function asProblem(error: unknown, status: number): Problem {
  if (typeof error === "object" && error !== null && "detail" in error && "code" in error) return error as Problem;
  return { status, title: "", type: "", code: "internal", detail: `The answer was HTTP ${status} without a reason. A proxy in front of Import Center may have written it.` };
}
