import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { Schemas } from "../api/client";
import { count } from "../format/number";
import { text } from "../text";
import type { RejectSearch } from "./search";

const t = text.rows.rejects;

/** Groups are the causes, the largest first, with what to do. */
export function Groups({ counts, name, search }: { counts: Schemas["RejectCounts"]; name: string; search: RejectSearch }): ReactNode {
  const c = t.columns;
  return (
    <Stack gap="xs" component="section">
      <Title order={2} size="h5">{t.groups}</Title>
      <div className="scroll" tabIndex={0} role="region" aria-label={t.groups}>
        <table className="table">
          <thead><tr><th scope="col">{c.code}</th><th scope="col">{c.column}</th><th scope="col">{c.shape}</th><th scope="col" className="numbers">{c.count}</th><th scope="col">{c.meaning}</th><th scope="col">{c.action}</th></tr></thead>
          <tbody>
            {counts.items.map((g) => (
              <tr key={`${g.code ?? ""}/${g.column ?? ""}/${g.shape ?? ""}`}>
                <td>
                  <Anchor inherit aria-label={t.only(g.code ?? "", g.column ?? "")}
                    renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={{ import: name }} search={narrowed(search, g)} />}>{g.code}</Anchor>
                </td>
                <td><bdi>{g.column}</bdi></td>
                <td className="wraps"><bdi>{g.shape}</bdi></td>
                <td className="numbers">{count(g.count)}</td>
                <td className="wraps wide">{g.meaning}</td>
                <td className="wraps wide">{g.action}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {counts.groups > counts.items.length && <Text size="sm">{t.more(counts.groups - counts.items.length)}</Text>}
    </Stack>
  );
}

function narrowed(search: RejectSearch, g: Schemas["RejectGroup"]): RejectSearch {
  return { ...search, ...(g.code === undefined ? {} : { code: g.code }), ...(g.column === undefined ? {} : { column: g.column }) };
}
