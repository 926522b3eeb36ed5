import { Anchor, Button, Checkbox, Group, List, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link, getRouteApi, useLocation } from "@tanstack/react-router";
import { useState } from "react";
import type { FormEvent, ReactNode } from "react";

import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Json } from "../app/Json";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { useMay } from "../app/role";
import { useNow } from "../app/useNow";
import { count } from "../format/number";
import { absolute } from "../format/time";
import { ImportNav } from "../import/ImportNav";
import { text } from "../text";
import { Lines, Uploads } from "./Parts";
import { identityOf } from "./fragment";
import { askWhy } from "./queries";
import type { Appearance, WhyAnswer } from "./queries";

const route = getRouteApi("/imports/$import/why");
const t = text.why;

/** WhyScreen tells what became of the rows of one person. The identity stands in the address's fragment, which browsers keep to themselves. */
export function WhyScreen(): ReactNode {
  const { import: name } = route.useParams();
  const hash = useLocation({ select: (l) => l.hash });
  const may = useMay("analyst");
  return (
    <Stack>
      <Title order={1} size="h3">{t.title}</Title>
      <ImportNav name={name} />
      {may ? <Ask key={hash} name={name} given={identityOf(hash)} /> : <Text>{text.rows.notYours}</Text>}
      <Commands lines={[`echo IDENTITY | tapline why ${name} -`, `echo IDENTITY | tapline why ${name} - --clevertap`]} />
    </Stack>
  );
}

function Ask({ name, given }: { name: string; given: string }): ReactNode {
  const navigate = route.useNavigate();
  const [identity, setIdentity] = useState(given);
  const [clevertap, setClevertap] = useState(true);
  const ask = useMutation({ mutationFn: () => askWhy(name, identity, clevertap) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <>
      <form className="form" onSubmit={submit}>
        <TextInput label={t.identity} description={t.identityHelp} value={identity} autoComplete="off" spellCheck={false} data-autofocus
          onChange={(e) => setIdentity(e.currentTarget.value)} />
        <Checkbox label={t.clevertap} checked={clevertap} onChange={(e) => setClevertap(e.currentTarget.checked)} />
        <Group>
          <Press type="submit" busy={ask.isPending} disabled={identity === ""}>{t.ask}</Press>
          <Button variant="subtle" disabled={identity === "" || identity === given} onClick={() => void navigate({ hash: `identity=${encodeURIComponent(identity)}`, replace: true })}>{t.link}</Button>
          <Text size="sm">{t.audited}</Text>
        </Group>
      </form>
      <ProblemNote error={ask.error} />
      {ask.data !== undefined && <Answer answer={ask.data} />}
    </>
  );
}

function Answer({ answer: a }: { answer: WhyAnswer }): ReactNode {
  const now = useNow();
  const last = a.rows.at(-1);
  return (
    <Stack>
      <Text className="sentence" role="status">{last === undefined ? t.none : t.sentence(a.rows.length, t.became[last.result] ?? "", last.run)}</Text>
      {a.clevertap !== undefined && (
        <section>
          <Title order={2} size="h5">{t.holds}</Title>
          <Text>{t.outcomes[a.clevertap.outcome]} {a.clevertap.reason}</Text>
          {a.clevertap.profile !== undefined && a.clevertap.profile !== null && <Json value={a.clevertap.profile} />}
        </section>
      )}
      {[...a.rows].reverse().map((r) => <Row key={`${r.run} ${r.id}`} row={r} now={now} />)}
      {a.others.length > 0 && (
        <section>
          <Title order={2} size="h5">{t.others}</Title>
          <List size="sm">
            {a.others.map((o) => (
              <List.Item key={o.run}>
                <Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: o.run }} />}>{o.run}</Anchor>{" "}
                {t.other(count(o.unchanged), count(o.future), count(o.stillRejected), count(o.suppressed))}
              </List.Item>
            ))}
          </List>
        </section>
      )}
      <Text size="sm">{Object.entries(a.reach).map(([topic, since]) => t.reach(topic, absolute(since))).join(" ")} {!a.complete && t.incomplete}</Text>
    </Stack>
  );
}

function Row({ row: r, now }: { row: Appearance; now: number }): ReactNode {
  return (
    <Stack component="section" gap="xs" aria-label={`${r.run} ${r.id}`}>
      <Title order={2} size="h5">
        <Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: r.run }} />}>{r.run}</Anchor>{" "}
        {t.became[r.result]} · <Instant at={r.time} now={now} />
      </Title>
      {r.reason !== undefined && <Text>{[r.property ?? r.column, r.code, r.reason].filter(Boolean).join(": ")}</Text>}
      {r.notes?.map((n) => <Text key={n} size="sm">{n}</Text>)}
      <div className="sides">
        <section className="stage" aria-label={text.rows.detail.row}><Text fw={600} size="sm">{text.rows.detail.row}</Text>{r.row === undefined ? text.rows.detail.noRow : <Json value={r.row} mark={r.reason === undefined ? undefined : r.column} />}</section>
        <section className="stage" aria-label={text.rows.detail.record}><Text fw={600} size="sm">{text.rows.detail.record}</Text>{r.record === undefined ? text.rows.detail.noRecord : <Json value={r.record} mark={r.reason === undefined ? undefined : r.property} />}</section>
        <section className="stage" aria-label={text.rows.detail.answer}><Text fw={600} size="sm">{text.rows.detail.answer}</Text>{(r.uploads ?? []).length === 0 ? text.rows.detail.noAnswer : <Uploads uploads={r.uploads ?? []} />}</section>
      </div>
      {r.lines !== undefined && <details><summary>{text.rows.detail.lines}</summary><Lines lines={r.lines} /></details>}
    </Stack>
  );
}
