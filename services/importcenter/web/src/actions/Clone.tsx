import { Group, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";

const t = text.actions.clone;

/** Clone makes a draft of the definition under another name, and opens it. */
export function Clone({ name }: { name: string }): ReactNode {
  const navigate = useNavigate();
  const [copy, setCopy] = useState("");
  const make = useAction(async () => {
    await take(client.POST("/v1/imports/{import}/clone", { params: { path: { import: name } }, body: { name: copy } }));
    await navigate({ to: "/imports/$import/edit/$step", params: { import: copy, step: "source" } });
  });
  return (
    <>
      <TextInput label={t.name} description={text.admin.resource.nameHelp} value={copy} onChange={(e) => setCopy(e.currentTarget.value)} />
      <Group><Press disabled={copy === ""} busy={make.pending} onClick={make.start}>{t.go(copy)}</Press></Group>
      <ProblemNote error={make.error} />
      {make.dialog}
    </>
  );
}
