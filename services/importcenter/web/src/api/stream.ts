import { EventSourceParserStream } from "eventsource-parser/stream";
import { useEffect, useRef, useState } from "react";

import { basePath } from "../app/base";
import { authorization } from "./client";

/** Told is an event of a stream. */
export interface Told {
  event?: string | undefined;
  data: string;
}

/** How long after a stream has ended it is asked for again, in milliseconds. */
const pause = 2000;

/**
 * follow reads server-sent events until the stream ends. The browser's EventSource cannot send a key.
 * It returns false if Import Center refuses the stream.
 */
async function follow(path: string, signal: AbortSignal, onTold: (told: Told) => void, onOpen: () => void): Promise<boolean> {
  const answer = await fetch(basePath + path, { headers: { Accept: "text/event-stream", ...authorization() }, signal });
  if (!answer.ok || answer.body === null) return false;
  onOpen();
  const events = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader();
  for (;;) {
    const { value, done } = await events.read();
    if (done) return true;
    onTold(value);
  }
}

/**
 * useStream follows a stream while the tab is seen, and tells whether it is connected: while it is
 * not, whoever shows the figures asks for them. A hidden tab gives its connection up, because a
 * browser opens six to one host over HTTP/1.1.
 */
export function useStream(path: string | undefined, onTold: (told: Told) => void): boolean {
  const [connected, setConnected] = useState(false);
  const told = useRef(onTold);
  useEffect(() => {
    told.current = onTold;
  });
  useEffect(() => {
    if (path === undefined) return undefined;
    let stop = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    const begin = async () => {
      const { signal } = stop;
      await follow(path, signal, (t) => told.current(t), () => setConnected(true)).catch(() => false);
      if (signal.aborted) return;
      setConnected(false);
      again = setTimeout(() => void begin(), pause);
    };
    const end = () => {
      stop.abort();
      stop = new AbortController();
      clearTimeout(again);
      setConnected(false);
    };
    const onChange = () => {
      end();
      if (document.visibilityState === "visible" && navigator.onLine) void begin();
    };
    onChange();
    document.addEventListener("visibilitychange", onChange);
    addEventListener("offline", onChange);
    addEventListener("online", onChange);
    return () => {
      document.removeEventListener("visibilitychange", onChange);
      removeEventListener("offline", onChange);
      removeEventListener("online", onChange);
      end();
    };
  }, [path]);
  return connected;
}
