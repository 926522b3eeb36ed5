// Numbers of rows and records are exact in the API's JSON: 19 digits, 12.50. A JavaScript number is
// not, so those that it would change are kept as the text that came, which JSON.stringify writes again.
interface ExactJSON {
  parse(text: string, reviver: (key: string, value: unknown, context?: { source?: string }) => unknown): unknown;
  rawJSON?: (text: string) => unknown;
}

const exact = JSON as unknown as ExactJSON;

/** parseExact reads JSON without changing a number, where the browser can. */
export function parseExact(text: string): unknown {
  return exact.parse(text, (_key, value, context) => {
    if (typeof value !== "number" || context?.source === undefined || exact.rawJSON === undefined) return value;
    return String(value) === context.source ? value : exact.rawJSON(context.source);
  });
}
