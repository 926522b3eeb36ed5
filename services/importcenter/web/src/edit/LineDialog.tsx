import { Modal, Select, Stack, TextInput } from "@mantine/core";
import type { ReactNode } from "react";

import { text } from "../text";
import { choices } from "./choices";
import type { Property } from "./draft";

interface LineDialogProps {
  property: Property;
  event: boolean;
  onChange: (part: Partial<Record<keyof Property, unknown>>) => void;
  onClose: () => void;
}

const t = text.edit.properties;
const d = text.edit.line;

/** LineDialog holds what few lines of a mapping say. */
export function LineDialog({ property, event, onChange, onClose }: LineDialogProps): ReactNode {
  const field = (key: "defaultRegion" | "timezone", label: string, help: string) => (
    <TextInput label={label} description={help} value={property[key] ?? ""} onChange={(e) => onChange({ [key]: e.currentTarget.value })} />
  );
  const choice = (key: "onNull" | "onInvalid" | "op", label: string, values: string[], words: Record<string, string>) => (
    <Select label={label} clearable clearButtonProps={{ "aria-label": t.asIs }} placeholder={t.asIs} value={property[key] ?? null}
      data={values.map((value) => ({ value, label: words[value] ?? value }))} onChange={(v) => onChange({ [key]: v ?? "" })} />
  );
  return (
    <Modal opened onClose={onClose} title={t.more(property.to ?? "")} closeButtonProps={{ "aria-label": text.close }}>
      <Stack>
        {choice("onInvalid", t.onInvalid, choices.onInvalid, d.onInvalid)}
        {choice("onNull", t.onNull, choices.onNull, d.onNull)}
        {property.onNull === "default" && (
          <TextInput label={d.default} defaultValue={property.default === undefined ? "" : JSON.stringify(property.default)} onChange={(e) => onChange({ default: parsed(e.currentTarget.value) })} />
        )}
        {!event && choice("op", d.op, choices.op, d.ops)}
        {property.to?.toLowerCase() === "phone" && field("defaultRegion", d.region, d.regionHelp)}
        {property.type === "date" && field("timezone", text.edit.new.zone, d.zoneHelp)}
      </Stack>
    </Modal>
  );
}

function parsed(typed: string): unknown {
  if (typed === "") return undefined;
  try {
    return JSON.parse(typed) as unknown;
  } catch {
    return typed;
  }
}
