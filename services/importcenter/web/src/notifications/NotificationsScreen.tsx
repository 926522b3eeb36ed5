import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { AdminNav } from "../admin/AdminNav";
import { client, take } from "../api/client";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useMay } from "../app/role";
import { useNow } from "../app/useNow";
import { text } from "../text";
import { formOf, whichOf } from "./form";

const t = text.notifications;

const notificationsQuery = { queryKey: ["notifications"], queryFn: async () => (await take(client.GET("/v1/notifications"))).items };

/** NotificationsScreen lists who is told of what, and sends test messages. */
export function NotificationsScreen(): ReactNode {
  const now = useNow();
  const may = useMay("admin");
  const list = useQuery(notificationsQuery);
  const test = useMutation({ mutationFn: (name: string) => take(client.POST("/v1/notifications/{name}/test", { params: { path: { name }, header: { "Idempotency-Key": crypto.randomUUID() } } })) });
  if (list.data === undefined) return list.error === null ? <Waiting /> : <Unavailable title={t.title} error={list.error} />;
  const c = t.columns;
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      <Text>{t.what}</Text>
      {list.data.length === 0 ? <Text>{t.none}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead><tr><th scope="col">{c.name}</th><th scope="col">{c.channel}</th><th scope="col">{c.which}</th><th scope="col">{c.on}</th><th scope="col">{c.changed}</th><th scope="col" aria-label={t.test} /><th scope="col" aria-label={text.admin.resource.change} /></tr></thead>
            <tbody>
              {list.data.map((r) => {
                const form = formOf(r.spec);
                const { name } = r.metadata;
                return (
                  <tr key={name}>
                    <th scope="row">{name}</th><td>{t.channels[form.channel]}</td><td className="wraps"><bdi>{whichOf(r.spec, t.everything)}</bdi></td><td>{form.on.map((w) => t.conditions[w] ?? w).join(", ")}</td><td><Instant at={r.appliedAt} now={now} /></td>
                    <td><Press size="compact-sm" variant="default" busy={test.isPending && test.variables === name} onClick={() => test.mutate(name)} aria-label={t.testName(name)}>{t.test}</Press></td>
                    <td><Button size="compact-sm" variant="default" aria-label={text.admin.resource.changeName(name)} renderRoot={(props) => <Link {...props} to="/notifications/$name" params={{ name }} />}>{text.admin.resource.change}</Button></td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      <ProblemNote error={test.error} />
      {test.data !== undefined && <Text role="status">{test.data.delivered ? t.delivered(test.data.notification, test.data.millis) : t.refused(test.data.notification, test.data.reason ?? "")}</Text>}
      {may && <Group><Button variant="default" renderRoot={(props) => <Link {...props} to="/new/notification" />}>{t.add}</Button></Group>}
      <Commands lines={["tapline get notifications", "tapline apply -f FILE", "tapline notify test NAME", "tapline notify acknowledge IMPORT --until 12h"]} api={["GET /v1/notifications"]} />
    </Stack>
  );
}
