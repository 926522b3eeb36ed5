import { Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

import type { Run } from "../api/client";
import { isActive } from "../api/queries";
import { count } from "../format/number";
import { text } from "../text";
import { outcomesOf, stagesOf } from "./equation";
import type { Outcomes } from "./equation";

const ends: (keyof Outcomes)[] = ["loaded", "unchanged", "rejected", "stillRejected", "skipped", "future", "pending"];

/** Flow shows the way of the rows: the whole in one line, then what came into each stage and where it went. */
export function Flow({ run }: { run: Run }): ReactNode {
  const o = outcomesOf(run.counts);
  const shown = ends.filter((e) => e === "loaded" || o[e] > 0);
  return (
    <Stack gap="sm" className={isActive(run.state) ? "moving" : ""}>
      <Text fw={600} aria-live="off">
        {count(o.read)} {text.run.words.read} = {shown.map((e) => `${count(o[e])} ${text.run.words[e]}`).join(" + ")}
      </Text>
      <div className="flow">
        {stagesOf(run.counts).map((s) => (
          <section key={s.name} className="stage" aria-label={text.run.stage[s.name]}>
            <Text fw={600}>{text.run.stage[s.name]}</Text>
            <Text>{count(s.came)} {text.run.stageIn[s.name]}</Text>
            <Text>{count(s.went)} {text.run.stageOut[s.name]}</Text>
            {s.ended.map((e) => <Text key={e.word} size="sm">{count(e.rows)} {e.word}</Text>)}
            {s.waiting > 0 && <Text size="sm">{count(s.waiting)} {text.run.waiting}</Text>}
          </section>
        ))}
      </div>
    </Stack>
  );
}
