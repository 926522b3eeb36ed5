/** linesOf reads one value from each line, and each value once. */
export function linesOf(text: string): string[] {
  return [...new Set(text.split("\n").map((l) => l.trim()).filter((l) => l !== ""))];
}
