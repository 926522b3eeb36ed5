import { autocompletion, closeBrackets } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { SQLDialect, sql } from "@codemirror/lang-sql";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import type { ReactNode } from "react";

import { styleNonce } from "../app/base";

/** What Snowflake reads beyond the words that every SQL has. */
const snowflake = SQLDialect.define({
  keywords:
    "select from where group by having order limit offset fetch first next rows only qualify with recursive as on using join left right full outer inner cross natural lateral asof match_condition union all except minus intersect distinct case when then else end and or not in exists between like ilike rlike regexp is null true false asc desc nulls last over partition range unbounded preceding following current row pivot unpivot sample tablesample bernoulli system block at before offset statement changes flatten table values match_recognize within filter exclude rename replace cast",
  types: "number decimal numeric int integer bigint smallint float double real varchar char string text binary boolean date time timestamp timestamp_ntz timestamp_ltz timestamp_tz variant object array geography vector",
  builtin: "current_date current_timestamp coalesce nvl iff nullif zeroifnull try_cast to_varchar to_number to_date to_timestamp dateadd datediff date_trunc parse_json get_path array_agg object_construct listagg row_number rank dense_rank lag lead count sum avg min max hash md5 sha2 lower upper trim split_part regexp_replace substr concat",
  hashComments: false,
  slashComments: true,
  doubleQuotedStrings: false,
  identifierQuotes: '"',
  operatorChars: "*+-%<>!=&|~^/:",
});

// Colours repeat what words say; each has enough contrast in its theme.
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "light-dark(#3b3fb6, #a5b4fc)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "light-dark(#1c6b2a, #86d993)" },
  { tag: [tags.number, tags.bool, tags.null], color: "light-dark(#8a3d00, #f0b37e)" },
  { tag: tags.comment, color: "light-dark(#5c5f66, #a6a7ab)", fontStyle: "italic" },
  { tag: [tags.typeName, tags.standard(tags.name)], color: "light-dark(#0b5e7a, #7cc7e0)" },
]);

const look = EditorView.theme({
  "&": { fontSize: "0.8125rem", border: "1px solid var(--mantine-color-default-border)", borderRadius: "4px" },
  "&.cm-focused": { outline: "2px solid var(--mantine-primary-color-filled)", outlineOffset: "1px" },
  ".cm-content": { fontFamily: "var(--mantine-font-family-monospace)", minHeight: "160px", caretColor: "var(--mantine-color-text)" },
  ".cm-scroller": { maxHeight: "50vh", overflow: "auto" },
  ".cm-gutters": { backgroundColor: "transparent", color: "light-dark(#5c5f66, #a6a7ab)", border: "none" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { backgroundColor: "light-dark(#cfd4ff, #3a3f7a) !important" },
  ".cm-tooltip": { backgroundColor: "var(--mantine-color-body)", color: "var(--mantine-color-text)", border: "1px solid var(--mantine-color-default-border)" },
});

export interface SqlEditorProps {
  value: string;
  label: string;
  /** Tables with their columns, for completion. */
  tables: Record<string, string[]>;
  onChange: (value: string) => void;
}

/** SqlEditor edits a query. Tab leaves it, as everywhere on the page; Escape closes what it offers. */
export default function SqlEditor({ value, label, tables, onChange }: SqlEditorProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const changed = useRef(onChange);
  changed.current = onChange;
  const language = useRef(new Compartment());

  useEffect(() => {
    if (place.current === null) return undefined;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          EditorView.cspNonce.of(styleNonce()), lineNumbers(), history(), bracketMatching(), closeBrackets(), autocompletion(), look, syntaxHighlighting(colours),
          EditorView.lineWrapping, keymap.of([...defaultKeymap, ...historyKeymap]),
          language.current.of(sql({ dialect: snowflake, schema: {}, upperCaseKeywords: false })),
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
    // The text is given once: afterwards the editor holds it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [label]);

  useEffect(() => {
    const now = view.current;
    if (now !== null && now.state.doc.toString() !== value) now.dispatch({ changes: { from: 0, to: now.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(sql({ dialect: snowflake, schema: tables })) });
  }, [tables]);

  return <div ref={place} />;
}
