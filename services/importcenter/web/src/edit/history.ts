/** History is a value with what it was before and what was taken back. */
export interface History<T> {
  past: T[];
  present: T;
  future: T[];
}

const kept = 200;

export function history<T>(present: T): History<T> {
  return { past: [], present, future: [] };
}

export function record<T>(h: History<T>, next: T): History<T> {
  if (next === h.present) return h;
  return { past: [...h.past.slice(-(kept - 1)), h.present], present: next, future: [] };
}

export function undo<T>(h: History<T>): History<T> {
  const last = h.past.at(-1);
  if (last === undefined) return h;
  return { past: h.past.slice(0, -1), present: last, future: [h.present, ...h.future] };
}

export function redo<T>(h: History<T>): History<T> {
  const [next, ...future] = h.future;
  if (next === undefined) return h;
  return { past: [...h.past, h.present], present: next, future };
}
