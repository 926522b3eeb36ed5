// basePath is the path under which the page is served, without a slash at its end.
const meta = typeof document === "undefined" ? null : document.querySelector<HTMLMetaElement>('meta[name="base-path"]');

export const basePath = (meta?.content ?? "/").replace(/\/$/, "");

export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}
