import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { client, take } from "../api/client";
import { accountsQuery } from "../api/queries";
import { Toned } from "../app/Badge";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useNow } from "../app/useNow";
import { text } from "../text";
import { AdminNav } from "./AdminNav";
import { Checks } from "./Checks";

const t = text.admin.accounts;

/** AccountsScreen lists accounts and asks CleverTap whether one can be used; nothing is stored there. */
export function AccountsScreen(): ReactNode {
  const now = useNow();
  const list = useQuery(accountsQuery);
  const test = useMutation({ mutationFn: (name: string) => take(client.POST("/v1/accounts/{name}/test", { params: { path: { name } } })) });
  if (list.data === undefined) return list.error === null ? <Waiting /> : <Unavailable title={t.title} error={list.error} />;
  const c = t.columns;
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      {list.data.length === 0 ? <Text>{text.admin.none}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead><tr><th scope="col">{c.name}</th><th scope="col">{c.environment}</th><th scope="col">{c.region}</th><th scope="col" className="numbers">{c.slots}</th><th scope="col">{c.changed}</th><th scope="col" aria-label={text.admin.test} /><th scope="col" aria-label={text.admin.resource.change} /></tr></thead>
            <tbody>
              {list.data.map((r) => {
                const spec = r.spec as { environment?: string; region?: string; endpoint?: string; slots?: number };
                const { name } = r.metadata;
                return (
                  <tr key={name}>
                    <th scope="row">{name}</th>
                    <td>{spec.environment === "production" ? <Toned tone="warn"><b>{t.production}</b></Toned> : spec.environment}</td>
                    <td>{spec.region ?? spec.endpoint}</td><td className="numbers">{spec.slots}</td><td><Instant at={r.appliedAt} now={now} /></td>
                    <td><Press size="compact-sm" variant="default" busy={test.isPending && test.variables === name} onClick={() => test.mutate(name)} aria-label={text.admin.testing(name)}>{text.admin.test}</Press></td>
                    <td><Button size="compact-sm" variant="default" aria-label={text.admin.resource.changeName(name)} renderRoot={(props) => <Link {...props} to="/accounts/$name" params={{ name }} />}>{text.admin.resource.change}</Button></td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      <Group><Button variant="default" renderRoot={(props) => <Link {...props} to="/new/account" />}>{text.admin.resource.add.account}</Button></Group>
      <ProblemNote error={test.error} />
      {test.data !== undefined && <Checks title={test.data.account} checks={test.data.checks} />}
      <Commands lines={["tapline get accounts", "tapline account test NAME"]} api={["GET /v1/accounts", "POST /v1/accounts/NAME/test"]} />
    </Stack>
  );
}
