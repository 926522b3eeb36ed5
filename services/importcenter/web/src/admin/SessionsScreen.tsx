import { Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useMay } from "../app/role";
import { useNow } from "../app/useNow";
import { text } from "../text";
import { AdminNav } from "./AdminNav";

const t = text.admin.sessions;

/** SessionsScreen lists who is signed in with a browser, to an admin everybody, to others themselves, and ends a session. */
export function SessionsScreen(): ReactNode {
  const now = useNow();
  const all = useMay("admin");
  const list = useQuery({
    queryKey: ["sessions", all],
    queryFn: async () => (await (all ? take(client.GET("/v1/sessions")) : take(client.GET("/v1/caller/sessions")))).items,
  });
  if (list.data === undefined) return list.error === null ? <Waiting /> : <Unavailable title={t.title} error={list.error} />;
  const c = t.columns;
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      {list.data.length === 0 ? <Text>{t.none}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead><tr><th scope="col">{c.who}</th><th scope="col">{c.role}</th><th scope="col">{c.began}</th><th scope="col">{c.used}</th><th scope="col">{c.ends}</th><th scope="col">{c.from}</th><th scope="col" aria-label={t.end} /></tr></thead>
            <tbody>
              {list.data.map((s) => (
                <tr key={s.id}>
                  <th scope="row">{s.name}{s.current === true && ` (${t.current})`}</th><td>{s.roleName ?? s.role}</td><td><Instant at={s.beganAt} now={now} /></td><td><Instant at={s.lastUsedAt} now={now} /></td>
                  <td><Instant at={s.endsAt} now={now} /></td><td>{s.from}</td><td><End id={s.id} all={all} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Stack>
  );
}

function End({ id, all }: { id: string; all: boolean }): ReactNode {
  const params = { params: { path: { session: id } } };
  const end = useAction(() => (all ? take(client.DELETE("/v1/sessions/{session}", params)) : take(client.DELETE("/v1/caller/sessions/{session}", params))));
  return <><Press size="compact-sm" variant="default" busy={end.pending} onClick={end.start} aria-label={t.endName(id)}>{t.end}</Press><ProblemNote error={end.error} /></>;
}
