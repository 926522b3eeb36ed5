import { List, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { client, take } from "../api/client";
import { text } from "../text";

/** Late tells why an import is late or what its run waits for, the first cause first. */
export function Late({ name }: { name: string }): ReactNode {
  const why = useQuery({ queryKey: ["why late", name], queryFn: () => take(client.GET("/v1/imports/{import}/why-late", { params: { path: { import: name } } })), refetchInterval: 5000 });
  const causes = why.data?.causes ?? [];
  if (causes.length === 0) return null;
  return (
    <section aria-label={text.import.late}>
      <Text fw={600}>{text.import.late}</Text>
      <List size="sm">{causes.map((c, n) => <List.Item key={`${c.code} ${n}`}>{c.text} {c.next !== undefined && <span className="inline">{c.next}</span>}</List.Item>)}</List>
    </section>
  );
}
