import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useReducer, useRef, useState } from "react";

import type { Draft, Spec } from "./draft";
import { history, record, redo, undo } from "./history";
import type { History } from "./history";
import { overtaken, put } from "./requests";
import { Saver } from "./saver";
import type { Saving } from "./saver";
import { forget, store } from "./stored";

/** Editor is a definition under work, with its undo and how far it is saved. */
export interface Editor {
  draft: Draft;
  /** A draft is saved at Import Center as it changes; an import in force changes when the person applies. */
  isDraft: boolean;
  etag: string;
  change: (part: Partial<Draft>) => void;
  changeSpec: (part: Partial<Spec>) => void;
  undo: () => void;
  redo: () => void;
  canUndo: boolean;
  canRedo: boolean;
  /** What is here differs from what Import Center had when it was opened. */
  changed: boolean;
  saving: Saving;
  /** keep puts what is here over somebody else's version. */
  keep: (etag: string) => void;
  /** take drops what is here for somebody else's version. */
  take: (draft: Draft, etag: string) => void;
  /** over says that the definition is in force: nothing is left to save. */
  over: () => void;
}

type Act = { do: "change"; part: Partial<Draft> } | { do: "spec"; part: Partial<Spec> } | { do: "undo" } | { do: "redo" } | { do: "take"; draft: Draft };

function reduce(h: History<Draft>, act: Act): History<Draft> {
  switch (act.do) {
    case "change": return record(h, { ...h.present, ...act.part });
    case "spec": return record(h, { ...h.present, spec: { ...h.present.spec, ...act.part } });
    case "undo": return undo(h);
    case "redo": return redo(h);
    case "take": return record(h, act.draft);
  }
}

const pause = 800;
const retry = 5000;

/**
 * useEditor owns a definition while it is edited. What is typed is stored in the browser at once,
 * and a draft goes to Import Center after a pause; unsaved says that what it starts with has not
 * been there yet.
 */
export function useEditor(start: Draft, startTag: string, isDraft: boolean, unsaved: boolean): Editor {
  const queries = useQueryClient();
  const [h, act] = useReducer(reduce, history(start));
  const [held, setHeld] = useState<{ saving: Saving; etag: string }>({ saving: { state: "saved", error: null }, etag: startTag });
  const draft = h.present;
  const [clean, setClean] = useState(unsaved ? undefined : start);
  const settled = useRef(unsaved ? undefined : start); // the version that needs no saving
  const [saver] = useState(() => new Saver(startTag, {
    pause, retry, overtaken,
    put: (d, etag) => put(d, { asDraft: true, etag }),
    tell: (saving, etag) => {
      setHeld({ saving, etag });
      if (saving.state !== "saved") return;
      forget(start.name);
      void queries.invalidateQueries({ queryKey: ["imports"] });
    },
  }));

  useEffect(() => {
    saver.start();
    return () => saver.stop();
  }, [saver]);
  useEffect(() => {
    if (draft === settled.current) return;
    settled.current = draft;
    store(draft.name, { draft, etag: held.etag });
    if (isDraft) saver.push(draft);
    // Another version of the server's is no change of the person's.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [draft, isDraft, saver]);

  return {
    draft, isDraft, etag: held.etag, saving: held.saving,
    change: useCallback((part: Partial<Draft>) => act({ do: "change", part }), []),
    changeSpec: useCallback((part: Partial<Spec>) => act({ do: "spec", part }), []),
    undo: useCallback(() => act({ do: "undo" }), []),
    redo: useCallback(() => act({ do: "redo" }), []),
    canUndo: h.past.length > 0,
    canRedo: h.future.length > 0,
    changed: draft !== clean,
    keep: (etag) => {
      if (isDraft) saver.adopt(etag);
      setHeld((s) => ({ ...s, etag }));
      store(draft.name, { draft, etag });
    },
    take: (theirs, etag) => {
      saver.drop();
      saver.adopt(etag);
      settled.current = theirs;
      setClean(theirs);
      forget(theirs.name);
      setHeld({ saving: { state: "saved", error: null }, etag });
      act({ do: "take", draft: theirs });
    },
    over: () => {
      saver.stop();
      forget(draft.name);
    },
  };
}
