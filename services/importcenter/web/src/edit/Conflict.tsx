import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { ProblemNote } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { text } from "../text";
import { differences } from "./draft";
import { theirs } from "./requests";
import type { Editor } from "./useEditor";

const t = text.edit.conflict;

/** Conflict shows where two people's versions differ and lets one choose; neither is lost before that. */
export function Conflict({ editor }: { editor: Editor }): ReactNode {
  const other = useQuery({ queryKey: ["theirs", editor.draft.name], queryFn: () => theirs(editor.draft.name), staleTime: 0, gcTime: 0 });
  if (other.data === undefined) return other.error === null ? <Waiting /> : <ProblemNote error={other.error} />;
  const found = differences(editor.draft, other.data.draft);
  const { draft, etag, by } = other.data;
  return (
    <Stack role="alert" gap="xs">
      <Title order={2} size="h5">{t.title}</Title>
      <Text>{text.edit.saving.overtaken(by)}</Text>
      {found.length === 0 ? <Text>{t.same}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead><tr><th scope="col">{t.path}</th><th scope="col">{t.mine}</th><th scope="col">{t.theirs}</th></tr></thead>
            <tbody>{found.map((d) => <tr key={d.path}><td>{d.path}</td><td className="wraps" dir="auto">{show(d.mine)}</td><td className="wraps" dir="auto">{show(d.theirs)}</td></tr>)}</tbody>
          </table>
        </div>
      )}
      <Group>
        <Button variant="default" onClick={() => editor.keep(etag)}>{t.keep}</Button>
        <Button variant="default" onClick={() => editor.take(draft, etag)}>{t.take}</Button>
      </Group>
    </Stack>
  );
}

function show(value: unknown): string {
  return value === undefined ? t.absent : typeof value === "string" ? value : JSON.stringify(value);
}
