import { Checkbox, Group, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";

import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";
import type { Schedule } from "./draft";
import { showSchedule } from "./requests";
import type { ScheduleView } from "./requests";
import { first, kindOf, kinds, readList, readMonthDays, weekdays } from "./schedules";
import type { Kind } from "./schedules";
import type { StepProps } from "./step";

const t = text.edit.schedule;
const zones = Intl.supportedValuesOf("timeZone");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** ScheduleStep says when the import runs, and shows what that means. */
export function ScheduleStep({ editor }: StepProps): ReactNode {
  const { draft } = editor;
  const schedules = draft.spec.schedules ?? [];
  const kind = kindOf(schedules);
  const [asked] = useDebouncedValue(draft, 400);
  const shown = useQuery({
    queryKey: ["schedule of", asked.name, asked.spec.schedules, asked.spec.timezone],
    queryFn: () => showSchedule(asked, here),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const set = (part: Partial<Schedule>) => editor.changeSpec({ schedules: [{ ...schedules[0], ...part }] });
  return (
    <Stack>
      <Stack className="form">
        {kind === undefined ? <Text>{t.several}</Text> : (
          <>
            <Select label={t.kind} allowDeselect={false} value={kind} data={kinds.map((value) => ({ value, label: t.kinds[value] ?? value }))}
              onChange={(v) => editor.changeSpec({ schedules: first((v ?? "manual") as Kind) })} />
            <Fields key={kind} kind={kind} schedule={schedules[0] ?? {}} onChange={set} />
          </>
        )}
        <Select label={t.zone} searchable data={zones.includes("UTC") ? zones : ["UTC", ...zones]} value={draft.spec.timezone ?? "UTC"} allowDeselect={false} onChange={(v) => editor.changeSpec({ timezone: v ?? "UTC" })} />
      </Stack>
      <ProblemNote error={shown.error} />
      {shown.data !== undefined && shown.error === null && <Next view={shown.data} />}
    </Stack>
  );
}

function Fields({ kind, schedule, onChange }: { kind: Kind; schedule: Schedule; onChange: (part: Partial<Schedule>) => void }): ReactNode {
  const times = <Listed label={t.times} help={t.timesHelp} value={(schedule.times ?? []).join(", ")} onChange={(typed) => onChange({ times: readList(typed) })} />;
  switch (kind) {
    case "manual": return null;
    case "every": return <TextInput label={t.every} description={t.everyHelp} value={schedule.every ?? ""} onChange={(e) => onChange({ every: e.currentTarget.value })} />;
    case "week": return (
      <>
        <Checkbox.Group label={t.days} value={schedule.daysOfWeek ?? []} onChange={(v) => onChange({ daysOfWeek: weekdays.filter((d) => v.includes(d)) })}>
          <Group mt={4}>{weekdays.map((d) => <Checkbox key={d} value={d} label={t.weekdays[d]} />)}</Group>
        </Checkbox.Group>
        {times}
      </>
    );
    case "month": return (
      <>
        <Listed label={t.monthDays} help={t.monthDaysHelp} value={(schedule.daysOfMonth ?? []).join(", ")} onChange={(typed) => onChange({ daysOfMonth: readMonthDays(typed) })} />
        {times}
      </>
    );
    case "cron": return <TextInput label={t.cron} description={t.cronHelp} value={schedule.cron ?? ""} onChange={(e) => onChange({ cron: e.currentTarget.value })} />;
  }
}

/** Listed is a list that is typed; the text stays as it was typed. */
function Listed({ label, help, value, onChange }: { label: string; help: string; value: string; onChange: (typed: string) => void }): ReactNode {
  const [typed, setTyped] = useState(value);
  return <TextInput label={label} description={help} value={typed} onChange={(e) => {
    setTyped(e.currentTarget.value);
    onChange(e.currentTarget.value);
  }} />;
}

function Next({ view }: { view: ScheduleView }): ReactNode {
  return (
    <Stack gap="xs" aria-live="polite">
      <Text className="sentence">{view.sentence}</Text>
      {view.note !== undefined && view.note !== "" && <Text size="sm">{view.note}</Text>}
      <Title order={2} size="h5">{t.next}</Title>
      {view.next.length === 0 ? <Text>{t.none}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.next}>
          <table className="table">
            <thead><tr><th scope="col">{t.there(view.zone)}</th><th scope="col">{t.here} ({view.viewer})</th><th scope="col">{t.clocks}</th></tr></thead>
            <tbody>{view.next.map((n) => <tr key={n.at}><td>{n.local}</td><td>{n.viewer}</td><td>{n.clocks}</td></tr>)}</tbody>
          </table>
        </div>
      )}
    </Stack>
  );
}
