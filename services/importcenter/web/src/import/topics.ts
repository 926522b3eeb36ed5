/** TopicOf is a topic of an import, and the command that reads it. */
export interface TopicOf {
  topic: string;
  holds: "rows" | "records" | "rejects" | "runs";
  command: string;
}

/** topicsOf lists what is read of an import. kcat leaves out what is not committed, as the services do. */
export function topicsOf(name: string): TopicOf[] {
  const read = (topic: string, more = "") => `kcat -b $BROKERS -t ${topic} -C -e${more}`;
  const only = ` | jq -c 'select(.import == "${name}")'`;
  return [
    { topic: `tapline.rows.${name}.v1`, holds: "rows", command: read(`tapline.rows.${name}.v1`, " -f '%k %p-%o %s\\n'") },
    { topic: `tapline.records.${name}.v1`, holds: "records", command: read(`tapline.records.${name}.v1`, " -f '%k %p-%o %s\\n'") },
    { topic: "tapline.rejects.v1", holds: "rejects", command: read("tapline.rejects.v1") + only },
    { topic: "tapline.runs.v1", holds: "runs", command: read("tapline.runs.v1") + only },
  ];
}
