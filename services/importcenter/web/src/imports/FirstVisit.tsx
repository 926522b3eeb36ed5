import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import { accountsQuery, connectionsQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { useMay } from "../app/role";
import { atFirst, production } from "../edit/account";
import { sandboxOf } from "../edit/names";
import { text } from "../text";

const t = text.imports.first;
const name = "sample-people";

/** FirstVisit says what the first step is, where there is no import yet. */
export function FirstVisit(): ReactNode {
  const mayChange = useMay("editor");
  const mayConnect = useMay("admin");
  const connections = useQuery({ ...connectionsQuery, enabled: mayChange }).data ?? [];
  const accounts = useQuery({ ...accountsQuery, enabled: mayChange }).data ?? [];
  const sandbox = connections.find((c) => sandboxOf(c.spec) !== undefined)?.metadata.name;
  const account = atFirst(accounts.filter((a) => !production(a)));
  if (!mayChange) return <Text>{t.notYours}</Text>;
  return (
    <Stack gap="xs">
      <Text fw={600}>{text.imports.none}</Text>
      <Text>{t.next}</Text>
      <Group>
        {sandbox !== undefined && account !== "" && <Sample connection={sandbox} account={account} />}
        <Button variant="default" renderRoot={(props) => <Link {...props} to="/new" />}>{text.imports.new}</Button>
        {mayConnect && <Button variant="default" renderRoot={(props) => <Link {...props} to="/new/connection" />}>{t.connect}</Button>}
      </Group>
      <Commands lines={["tapline init", "tapline apply -f import.yaml"]} />
    </Stack>
  );
}

/** Sample makes a draft of the demo's import of customers, with all steps filled, and opens it. */
function Sample({ connection, account }: { connection: string; account: string }): ReactNode {
  const navigate = useNavigate();
  const make = useAction(async () => {
    const [{ parse }, { default: example }] = await Promise.all([import("yaml"), import("../../../../../examples/customers.yaml?raw")]);
    const document = parse(example) as { apiVersion: string; kind: string; metadata: object; spec: { source: object; destination: object } };
    const { source, destination, ...spec } = document.spec;
    const body = {
      apiVersion: document.apiVersion, kind: document.kind, metadata: { name, displayName: t.sampleName },
      spec: { ...spec, draft: true, source: { ...source, connectionRef: connection }, destination: { ...destination, accountRef: account } },
    };
    await take(client.PUT("/v1/imports/{import}", { params: { path: { import: name }, header: { "If-None-Match": "*" }, query: { offline: true } }, body }));
    await navigate({ to: "/imports/$import/edit/$step", params: { import: name, step: "source" } });
  });
  return <><Press busy={make.pending} onClick={make.start}>{t.sample}</Press><ProblemNote error={make.error} />{make.dialog}</>;
}
