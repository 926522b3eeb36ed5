import { Button, Group, Select, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Fragment, useState } from "react";
import type { ReactNode } from "react";

import type { Reject } from "../api/client";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useMay } from "../app/role";
import { CopyRow, RowDetail } from "../row/RowDetail";
import { text } from "../text";
import { Replay } from "./Replay";
import { rejectsQuery } from "./queries";
import type { Order } from "./queries";
import type { RejectSearch } from "./search";

const t = text.rows.rejects;

/** RejectRows lists failed rows a page at a time; a row opens below itself. */
export function RejectRows({ name, search, now }: { name: string; search: RejectSearch; now: number }): ReactNode {
  const [order, setOrder] = useState<Order>("newest");
  const [opened, setOpened] = useState<string>();
  const page = useInfiniteQuery(rejectsQuery(name, search, order));
  if (page.data === undefined) return page.error === null ? <Waiting /> : <ProblemNote error={page.error} />;
  const items = page.data.pages.flatMap((p) => p.items);
  const c = t.columns;
  return (
    <Stack gap="xs">
      <Select aria-label={t.order} w={180} allowDeselect={false} value={order} data={[{ value: "newest", label: t.newest }, { value: "oldest", label: t.oldest }]} onChange={(v) => setOrder(v as Order)} />
      <div className="scroll" tabIndex={0} role="region" aria-label={t.rows}>
        <table className="table">
          <thead><tr><th scope="col" aria-label={t.open("")} /><th scope="col">{c.time}</th><th scope="col">{c.code}</th><th scope="col">{c.where}</th><th scope="col">{c.reason}</th><th scope="col">{c.state}</th><th scope="col">{c.run}</th></tr></thead>
          <tbody>
            {items.map((r) => {
              const key = r.ref ?? `${r.run}/${r.id}/${r.code}/${r.property ?? ""}`;
              const open = key === opened;
              const Icon = open ? IconChevronDown : IconChevronRight;
              return (
                <Fragment key={key}>
                  <tr>
                    <td><UnstyledButton aria-expanded={open} aria-label={t.open(r.id)} onClick={() => setOpened(open ? undefined : key)}><Icon size={16} aria-hidden /></UnstyledButton></td>
                    <td><Instant at={r.time} now={now} /></td>
                    <td>{r.code}</td>
                    <td><bdi>{r.property ?? r.column}</bdi></td>
                    <td className="wraps">{r.reason}</td>
                    <td>{stateOf(r)}</td>
                    <td>{r.run}</td>
                  </tr>
                  {open && <tr className="opened"><td colSpan={7} className="wraps"><Opened reject={r} name={name} /></td></tr>}
                </Fragment>
              );
            })}
          </tbody>
        </table>
      </div>
      {page.hasNextPage && <Group><Press variant="default" busy={page.isFetchingNextPage} onClick={() => void page.fetchNextPage()}>{t.older}</Press></Group>}
      {items.length === 0 && <Text>{text.rows.none}</Text>}
    </Stack>
  );
}

function stateOf(r: Reject): string {
  if (r.state === undefined) return "";
  return r.rejectedAgain === true ? t.again : [t.states[r.state], r.replayedBy].filter(Boolean).join(": ");
}

function Opened({ reject: r, name }: { reject: Reject; name: string }): ReactNode {
  const [replaying, setReplaying] = useState(false);
  const mayAct = useMay("operator");
  const { ref } = r;
  return (
    <RowDetail
      known={r}
      actions={
        <>
          <CopyRow value={r.row ?? r.record} />
          {mayAct && ref !== undefined && r.state !== "replaying" && !replaying && <Button size="compact-sm" variant="default" onClick={() => setReplaying(true)}>{text.rows.replay.one}</Button>}
          {replaying && ref !== undefined && <Replay name={name} selection={{ refs: [ref] }} onClose={() => setReplaying(false)} />}
        </>
      }
    />
  );
}
