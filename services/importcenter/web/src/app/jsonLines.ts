/** Piece is a part of a JSON text. Marked is the value that failed. */
export interface Piece {
  text: string;
  marked: boolean;
}

const longest = 2000;

// Characters that are not seen or that turn the direction of what follows. JSON may write each as an escape.
const unseen = /[\u007f-\u00a0\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3000\ufeff\ufff9-\ufffb]/g;

/** visible writes unseen characters as JSON's escapes, so that data cannot rearrange what stands beside it. */
export function visible(text: string): string {
  return text.replace(unseen, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** pieces writes a value as JSON, a line for each member, and marks the member of this name, also one level down. */
export function pieces(value: unknown, mark: string | undefined): Piece[] {
  const lines = (JSON.stringify(value, null, 2) ?? "").split("\n");
  const name = mark === undefined || mark === "" ? undefined : JSON.stringify(mark).toLowerCase();
  const out: Piece[] = [];
  let depth: number | undefined;
  for (const line of lines) {
    const indent = line.length - line.trimStart().length;
    if (depth !== undefined && (indent < depth || (indent === depth && !/^\s*[\]}]/.test(line)))) depth = undefined;
    if (depth === undefined && name !== undefined && indent > 0 && indent <= 4 && line.slice(indent).toLowerCase().startsWith(`${name}:`)) depth = indent;
    add(out, cut(visible(line)), depth !== undefined);
  }
  return out;
}

function add(out: Piece[], line: string, marked: boolean): void {
  const last = out.at(-1);
  if (last !== undefined && last.marked === marked) last.text += `\n${line}`;
  else out.push({ text: line, marked });
}

/** cut keeps a line of a length that a page can show, and says how much it leaves out. */
function cut(line: string): string {
  return line.length <= longest ? line : `${line.slice(0, longest)} … and ${(line.length - longest).toLocaleString("en-US")} more characters`;
}
