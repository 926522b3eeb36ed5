import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { text } from "../text";

const t = text.import.nav;

/** ImportNav leads from one screen of an import to the next. */
export function ImportNav({ name }: { name: string }): ReactNode {
  const params = { import: name };
  const active = { "aria-current": "page" } as const;
  return (
    <nav className="steps" aria-label={name}>
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
