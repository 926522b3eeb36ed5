import { Anchor, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { accountsQuery, importQuery } from "../api/queries";
import { Toned } from "../app/Badge";
import { useMay } from "../app/role";
import { text } from "../text";

const t = text.import.nav;

/** ImportNav says which import it is and whether it fills a production account, and leads from one screen of it to the next. */
export function ImportNav({ name }: { name: string }): ReactNode {
  const params = { import: name };
  const active = { "aria-current": "page" } as const;
  return (
    <nav className="steps" aria-label={name}>
      <Text span inherit><b>{name}</b><Production name={name} /></Text>
      <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import" params={params} activeOptions={{ exact: true }} activeProps={active} />}>{t.overview}</Anchor>
      <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={params} search={{}} activeProps={active} />}>{text.import.rejects}</Anchor>
      <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/why" params={params} activeProps={active} />}>{text.import.why}</Anchor>
      <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/schedule" params={params} activeProps={active} />}>{t.schedule}</Anchor>
      <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/definition" params={params} search={{}} activeProps={active} />}>{t.definition}</Anchor>
      <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/topics" params={params} activeProps={active} />}>{t.topics}</Anchor>
      <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/actions" params={params} activeProps={active} />}>{t.actions}</Anchor>
    </nav>
  );
}

/** Production marks an account of production, for whoever may see accounts. */
function Production({ name }: { name: string }): ReactNode {
  const may = useMay("editor");
  const account = useQuery(importQuery(name)).data?.spec.destination.accountRef;
  const accounts = useQuery({ ...accountsQuery, enabled: may }).data ?? [];
  const spec = accounts.find((a) => a.metadata.name === account)?.spec as { environment?: string } | undefined;
  if (account === undefined || spec?.environment !== "production") return null;
  return <>: <Toned tone="warn"><b>{t.production(account)}</b></Toned></>;
}
