/** identityOf reads the identity out of an address's fragment. */
export function identityOf(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, "")).get("identity") ?? "";
}
