import { Menu } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { client, takeFile } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { save } from "../app/save";
import { text } from "../text";
import type { RejectSearch } from "./search";

const t = text.rows.rejects;

const formats = [
  { key: "csv", format: "csv", bom: false },
  { key: "excel", format: "csv", bom: true },
  { key: "ndjson", format: "ndjson", bom: false },
  { key: "parquet", format: "parquet", bom: false },
] as const;

/** Download writes what is filtered into a file. The request carries the key, which a plain link could not. */
export function Download({ name, search }: { name: string; search: RejectSearch }): ReactNode {
  const get = useMutation({
    mutationFn: async ({ format, bom }: (typeof formats)[number]) => {
      const query = { import: name, ...search, format, ...(bom ? { bom } : {}) };
      save(await takeFile(client.GET("/v1/rejects/export", { params: { query }, parseAs: "blob" })), `${name}-rejects.${format}`);
    },
  });
  return (
    <>
      <Menu>
        <Menu.Target><Press variant="default" busy={get.isPending}>{t.download}</Press></Menu.Target>
        <Menu.Dropdown>{formats.map((f) => <Menu.Item key={f.key} onClick={() => get.mutate(f)}>{t.formats[f.key]}</Menu.Item>)}</Menu.Dropdown>
      </Menu>
      <ProblemNote error={get.error} />
    </>
  );
}
