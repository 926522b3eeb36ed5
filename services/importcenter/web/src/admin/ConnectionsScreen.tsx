import { Button, Group, List, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { client, take } from "../api/client";
import type { Schemas } from "../api/client";
import { connectionsQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useNow } from "../app/useNow";
import { text } from "../text";
import { AdminNav } from "./AdminNav";

const t = text.admin.connections;

/** ConnectionsScreen lists connections and signs in with one. */
export function ConnectionsScreen(): ReactNode {
  const now = useNow();
  const list = useQuery(connectionsQuery);
  const test = useMutation({ mutationFn: (name: string) => take(client.POST("/v1/connections/{name}/test", { params: { path: { name } } })) });
  if (list.data === undefined) return list.error === null ? <Waiting /> : <Unavailable title={t.title} error={list.error} />;
  const c = t.columns;
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      {list.data.length === 0 ? <Text>{text.admin.none}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead><tr><th scope="col">{c.name}</th><th scope="col">{c.account}</th><th scope="col">{c.user}</th><th scope="col">{c.role}</th><th scope="col">{c.warehouse}</th><th scope="col">{c.changed}</th><th scope="col" aria-label={text.admin.test} /><th scope="col" aria-label={text.admin.resource.change} /></tr></thead>
            <tbody>
              {list.data.map((r) => {
                const spec = r.spec as Record<string, string | undefined>;
                const { name } = r.metadata;
                return (
                  <tr key={name}>
                    <th scope="row">{name}</th><td>{spec["account"]}</td><td>{spec["user"]}</td><td>{spec["role"]}</td><td>{spec["warehouse"]}</td><td><Instant at={r.appliedAt} now={now} /></td>
                    <td><Press size="compact-sm" variant="default" busy={test.isPending && test.variables === name} onClick={() => test.mutate(name)} aria-label={text.admin.testing(name)}>{text.admin.test}</Press></td>
                    <td><Button size="compact-sm" variant="default" aria-label={text.admin.resource.changeName(name)} renderRoot={(props) => <Link {...props} to="/connections/$name" params={{ name }} />}>{text.admin.resource.change}</Button></td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      <Group><Button variant="default" renderRoot={(props) => <Link {...props} to="/new/connection" />}>{text.admin.resource.add.connection}</Button></Group>
      <ProblemNote error={test.error} />
      {test.data !== undefined && <Result result={test.data} />}
      <Commands lines={["tapline get connections", "tapline connection test NAME"]} api={["GET /v1/connections", "POST /v1/connections/NAME/test"]} />
    </Stack>
  );
}

function Result({ result: r }: { result: Schemas["ConnectionTestResult"] }): ReactNode {
  return (
    <Stack gap="xs" role="status">
      <Text><b>{r.connection}</b>: {t.result(r.user, r.role, r.warehouse, r.region, r.version, r.millis)}</Text>
      {r.skewMillis !== 0 && <Text size="sm">{t.skew(r.skewMillis)}</Text>}
      {r.privileges.length > 0 && <><Text size="sm">{t.privileges}</Text><List size="sm">{r.privileges.map((p) => <List.Item key={p}>{p}</List.Item>)}</List></>}
    </Stack>
  );
}
