import { Select, TextInput } from "@mantine/core";
import type { ReactNode } from "react";

import type { Listing } from "../api/client";
import { text } from "../text";
import { dates, rarer, valuesOf } from "./filter";
import type { Search } from "./filter";

const t = text.imports;

/** MoreFilters are the filters that are asked for less often. */
export function MoreFilters({ imports, search, onChange }: { imports: Listing[]; search: Search; onChange: (part: Partial<Record<keyof Search, string | number | undefined>>) => void }): ReactNode {
  return (
    <div className="filters" id="more-filters">
      <TextInput label={t.nickname} value={search.nickname ?? ""} onChange={(e) => onChange({ nickname: e.currentTarget.value || undefined })} />
      <Select label={t.freshness} placeholder={t.any} clearable value={search.freshnessOver === undefined ? null : String(search.freshnessOver)}
        data={Object.entries(t.ages).map(([value, label]) => ({ value, label }))} onChange={(v) => onChange({ freshnessOver: v === null ? undefined : Number(v) })} clearButtonProps={{ "aria-label": t.clear }} />
      {rarer.map((c) => (
        <Select key={c} label={t.filters[c]} placeholder={t.any} clearable value={search[c] ?? null} data={valuesOf(imports, c)}
          onChange={(v) => onChange({ [c]: v ?? undefined })} clearButtonProps={{ "aria-label": t.clear }} />
      ))}
      {dates.map((d) => <TextInput key={d} type="date" label={t.dates[d]} value={search[d] ?? ""} onChange={(e) => onChange({ [d]: e.currentTarget.value || undefined })} />)}
    </div>
  );
}
