import type { Schemas } from "../api/client";

type Account = Pick<Schemas["Resource"], "metadata" | "spec">;

/** production tells whether an account holds real people. */
export function production(account: Account): boolean {
  return (account.spec as { environment?: string }).environment === "production";
}

/** atFirst is the account that a new import has before somebody chooses: none of production, if there is another. */
export function atFirst(accounts: Account[]): string {
  return (accounts.find((a) => !production(a)) ?? accounts[0])?.metadata.name ?? "";
}
