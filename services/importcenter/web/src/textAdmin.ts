// The sentences of the screens for whoever runs the deployment.
export const admin = {
  nav: { connections: "Connections", accounts: "Accounts", freezes: "Freezes", keys: "Keys", audit: "Audit", doctor: "Doctor" } as Record<string, string>,
  none: "None.",
  test: "Test", testing: (name: string) => `Test ${name}`,
  connections: {
    title: "Snowflake connections",
    columns: { name: "Name", account: "Account", user: "User", role: "Role", warehouse: "Warehouse", changed: "Changed" },
    result: (user: string, role: string, warehouse: string, region: string, version: string, millis: number) =>
      `Signed in as ${user}, role ${role}, warehouse ${warehouse || "none"}, ${region}, version ${version}, in ${millis} ms.`,
    skew: (ms: number) => `Snowflake's clock is ${Math.abs(ms)} ms ${ms < 0 ? "behind" : "ahead of"} the extractor's.`,
    privileges: "Privileges beyond USAGE and SELECT:",
  },
  accounts: {
    title: "CleverTap accounts",
    columns: { name: "Name", environment: "Environment", region: "Region", slots: "Slots", changed: "Changed" },
    production: "Production",
    checks: { ok: "fine", warning: "look", failed: "failed", unknown: "not known" } as Record<string, string>,
  },
  freezes: {
    title: "Freezes",
    what: "While frozen, nothing is sent: runs wait and lose nothing.",
    columns: { what: "What", imports: "Imports", by: "By", since: "Since", reason: "Reason" },
    account: "Account", reason: "Reason", reasonHelp: "Shown wherever the account and its imports are.",
    freeze: (account: string) => `Freeze ${account}: within two seconds nothing more is sent to it`,
    unfreeze: "Unfreeze", unfreezeName: (name: string) => `Unfreeze ${name}`,
    anyAccount: "any account",
  },
  keys: {
    title: "Keys",
    columns: { name: "Name", role: "Role", imports: "Imports", used: "Last used", expires: "Expires", made: "Made" },
    all: "all", never: "never", expired: "expired",
    name: "Name", nameHelp: "What uses it, such as ci.", role: "Role", days: "Ends after days", daysHelp: "Empty: never.",
    create: "Make a key",
    made: "The key is shown this once and kept nowhere. Copy it now:",
    revoke: "Revoke", revokeName: (name: string) => `Revoke ${name}`,
  },
  audit: {
    title: "Audit",
    columns: { when: "When", who: "Who", action: "Action", what: "What", from: "From" },
    since: "Since", sinceHelp: "A day, such as 2026-11-30.", actor: "Who", name: "What, by its name", more: "Later entries",
    before: "Before", after: "After", viaSecond: (who: string) => `approved by ${who}`,
  },
  doctor: { title: "Doctor", version: (v: string) => `Import Center ${v}`, allWell: "Everything that Import Center can see is fine.", again: "Look again", columns: { check: "Check", state: "State", finding: "Finding", action: "What to do" } },
} as const;
