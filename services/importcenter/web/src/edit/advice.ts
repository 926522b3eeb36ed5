import { text } from "../text";
import type { Column, Sampled } from "./grid";

const t = text.edit.identity.advice;

/** Advice is what a person should know about a choice. Bad says that it will not do. */
export interface Advice {
  bad: boolean;
  text: string;
}

/** ofIdentity says what the sample shows of a column as the identity. */
export function ofIdentity(column: Column, sample: Sampled | undefined, event: boolean): Advice[] {
  const advice: Advice[] = [];
  if (column.type !== "TEXT" && !(column.type === "FIXED" && column.scale === 0)) {
    advice.push({ bad: true, text: t.type });
  }
  if (sample === undefined || sample.of === 0) return advice;
  if (sample.nulls > 0) advice.push({ bad: false, text: t.nulls(sample.nulls, sample.of) });
  const filled = sample.of - sample.nulls;
  if (!event && filled > 0 && sample.distinct < filled) {
    advice.push({ bad: false, text: t.repeated(filled - sample.distinct, filled) });
  } else if (filled > 0) {
    advice.push({ bad: false, text: event ? t.people(sample.distinct, filled) : t.unique(filled) });
  }
  return advice;
}

/** ofCursor says whether a column can tell which rows are new. */
export function ofCursor(column: Column, sample: Sampled | undefined): Advice[] {
  const advice: Advice[] = [];
  if (column.type === "DATE") {
    advice.push({ bad: false, text: t.date });
  } else if (column.type === "FIXED" && column.scale === 0) {
    advice.push({ bad: false, text: t.number });
  } else if (column.type === "TIMESTAMP_NTZ") {
    advice.push({ bad: false, text: t.ntz });
  } else if (!column.type.startsWith("TIMESTAMP")) {
    advice.push({ bad: true, text: t.cursorType });
  }
  if (sample !== undefined && sample.nulls > 0) {
    advice.push({ bad: true, text: t.cursorNulls(sample.nulls, sample.of) });
  }
  return advice;
}
