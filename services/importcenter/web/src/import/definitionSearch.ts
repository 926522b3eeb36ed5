/** readDefinitionSearch reads which generation an address shows. */
export function readDefinitionSearch(raw: Record<string, unknown>): { generation?: number } {
  const generation = raw["generation"];
  return typeof generation === "number" && Number.isInteger(generation) ? { generation } : {};
}
