import { Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";

import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { useRoleName } from "../app/role";
import { useNow } from "../app/useNow";
import { text } from "../text";
import { AdminNav } from "./AdminNav";
import { auditQuery } from "./queries";

const t = text.admin.audit;
const day = 86_400_000;

/** AuditScreen lists who changed what and who looked at rows. */
export function AuditScreen(): ReactNode {
  const now = useNow();
  const roleName = useRoleName();
  const [since, setSince] = useState(() => new Date(Date.now() - day).toISOString().slice(0, 10));
  const [actor, setActor] = useState("");
  const [name, setName] = useState("");
  const [asked] = useDebouncedValue({ since, actor, name }, 400);
  const whole = /^\d{4}-\d{2}-\d{2}$/.test(asked.since) ? `${asked.since}T00:00:00Z` : "";
  const page = useInfiniteQuery(auditQuery(whole, asked.actor, asked.name));
  const items = page.data?.pages.flatMap((p) => p.items) ?? [];
  const c = t.columns;
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      <Group align="flex-end">
        <TextInput label={t.since} description={t.sinceHelp} value={since} onChange={(e) => setSince(e.currentTarget.value)} />
        <TextInput label={t.actor} value={actor} onChange={(e) => setActor(e.currentTarget.value)} />
        <TextInput label={t.name} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      </Group>
      <ProblemNote error={page.error} />
      {page.data !== undefined && items.length === 0 ? <Text>{text.admin.none}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead><tr><th scope="col">{c.when}</th><th scope="col">{c.who}</th><th scope="col">{c.action}</th><th scope="col">{c.what}</th><th scope="col">{c.from}</th></tr></thead>
            <tbody>
              {items.map((e, n) => (
                <tr key={`${e.time} ${n}`}>
                  <td><Instant at={e.time} now={now} /></td>
                  <td>{e.actor}{e.role !== undefined && `, ${roleName(e.role)}`}{e.approvedBy !== undefined && `, ${t.viaSecond(e.approvedBy)}`}</td>
                  <td>{e.action}</td>
                  <td className="wraps">{e.before === undefined && e.after === undefined ? <>{e.kind} {e.name}</> : (
                    <details><summary>{e.kind} {e.name}</summary><Side title={t.before} value={e.before} /><Side title={t.after} value={e.after} /></details>
                  )}</td>
                  <td>{e.from}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {page.hasNextPage && <Group><Press variant="default" busy={page.isFetchingNextPage} onClick={() => void page.fetchNextPage()}>{t.more}</Press></Group>}
      <Commands lines={[`tapline audit --since ${since}`]} api={["GET /v1/audit"]} />
    </Stack>
  );
}

function Side({ title, value }: { title: string; value: unknown }): ReactNode {
  return value === undefined ? null : <><Text size="sm" fw={600}>{title}</Text><pre className="code">{JSON.stringify(value, null, 2)}</pre></>;
}
