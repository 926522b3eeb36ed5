import type { Draft } from "./draft";

/**
 * What a person has typed and Import Center has not taken yet lies in the browser, so that
 * a closed tab, an ended session or an Import Center that is away loses nothing. Definitions
 * hold no rows; sample rows are never stored.
 */
export interface Stored {
  draft: Draft;
  /** The version of the definition that the work began from; "" of one that is not there yet. */
  etag: string;
}

const prefix = "tapline.edit.";

export function store(name: string, s: Stored): void {
  try {
    localStorage.setItem(prefix + name, JSON.stringify(s));
  } catch {
    // A full or forbidden storage: the page still works, and what Import Center has taken is kept there.
  }
}

export function stored(name: string): Stored | undefined {
  try {
    const text = localStorage.getItem(prefix + name);
    if (text === null) return undefined;
    const s = JSON.parse(text) as Partial<Stored>;
    if (typeof s.etag !== "string" || s.draft?.name !== name || !Array.isArray(s.draft.spec?.mapping)) return undefined;
    return s as Stored;
  } catch {
    return undefined;
  }
}

export function forget(name: string): void {
  try {
    localStorage.removeItem(prefix + name);
  } catch {
    // As in store.
  }
}
