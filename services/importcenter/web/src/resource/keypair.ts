/** KeyPair is a new key for Snowflake. The private half leaves the browser only if a person downloads or stores it. */
export interface KeyPair {
  /** The private half, as PEM (PKCS #8). */
  pem: string;
  /** The public half, as Snowflake takes it. */
  publicKey: string;
  fingerprint: string;
}

const bits = 2048;

/** makeKeyPair makes a key in the browser. */
export async function makeKeyPair(): Promise<KeyPair> {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", modulusLength: bits, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [secret, open] = await Promise.all([crypto.subtle.exportKey("pkcs8", pair.privateKey), crypto.subtle.exportKey("spki", pair.publicKey)]);
  const digest = await crypto.subtle.digest("SHA-256", open);
  const lines = base64(secret).match(/.{1,64}/g) ?? [];
  return { pem: `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`, publicKey: base64(open), fingerprint: `SHA256:${base64(digest)}` };
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

/** statement gives Snowflake the public half. A rotated key takes the second place, so that the first one works meanwhile. */
export function statement(user: string, publicKey: string, rotates: boolean): string {
  return `ALTER USER ${identifier(user)} SET RSA_PUBLIC_KEY${rotates ? "_2" : ""}='${publicKey}';`;
}

/** identifier writes a name for SQL; one that Snowflake would read in another case is quoted. */
function identifier(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_$]*$/.test(name) ? name.toUpperCase() : `"${name.replaceAll('"', '""')}"`;
}
