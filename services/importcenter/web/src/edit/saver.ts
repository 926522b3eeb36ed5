import type { Draft } from "./draft";

export interface Saving {
  state: "saved" | "saving" | "typed" | "failed" | "overtaken";
  error: unknown;
}

export interface SaverOptions {
  put: (draft: Draft, etag: string) => Promise<string>;
  /** Somebody else has changed the definition: only a person can go on. */
  overtaken: (error: unknown) => boolean;
  tell: (saving: Saving, etag: string) => void;
  /** How long nobody types before a draft is saved, and how long a failed try waits, in milliseconds. */
  pause: number;
  retry: number;
}

/**
 * Saver brings a draft to Import Center: after a pause in typing, one request at a time, always
 * the newest version, again after a failure. Each request replaces the version of the one before.
 */
export class Saver {
  private readonly o: SaverOptions;
  private etag: string;
  private waiting: Draft | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private stopped = false;

  constructor(etag: string, options: SaverOptions) {
    this.etag = etag;
    this.o = options;
  }

  /** push replaces what waits to be saved. */
  push(draft: Draft): void {
    if (this.stopped) return;
    this.waiting = draft;
    this.tell("typed");
    if (!this.busy) this.schedule(this.o.pause);
  }

  /** adopt takes another version as the one that is replaced, and goes on. */
  adopt(etag: string): void {
    this.etag = etag;
    if (this.waiting !== undefined) this.schedule(0);
    else this.tell("saved");
  }

  /** drop forgets what waits. */
  drop(): void {
    clearTimeout(this.timer);
    this.waiting = undefined;
  }

  stop(): void {
    this.stopped = true;
    this.drop();
  }

  /** start goes on after stop. */
  start(): void {
    this.stopped = false;
  }

  private schedule(after: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.save(), after);
  }

  private async save(): Promise<void> {
    const draft = this.waiting;
    if (draft === undefined || this.busy || this.stopped) return;
    this.waiting = undefined;
    this.busy = true;
    this.tell("saving");
    try {
      this.etag = await this.o.put(draft, this.etag);
      if (this.newer() === undefined) this.tell("saved");
      else this.schedule(this.o.pause);
    } catch (error) {
      this.waiting ??= draft;
      if (this.o.overtaken(error)) {
        this.tell("overtaken", error);
      } else {
        this.tell("failed", error);
        if (!this.stopped) this.schedule(this.o.retry);
      }
    } finally {
      this.busy = false;
    }
  }

  private newer(): Draft | undefined {
    return this.waiting;
  }

  private tell(state: Saving["state"], error: unknown = null): void {
    this.o.tell({ state, error }, this.etag);
  }
}
