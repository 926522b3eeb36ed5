import account from "../../../../../schemas/clevertapaccount.v1alpha1.schema.json";
import connection from "../../../../../schemas/snowflakeconnection.v1alpha1.schema.json";

export type Kind = "connection" | "account";

/** Field is a key of a resource's spec, as its JSON Schema has it. */
export interface Field {
  name: string;
  type: "text" | "number" | "boolean" | "choice";
  choices: string[];
  /** The value is a reference to a secret. */
  secret: boolean;
  required: boolean;
}

interface Property { type?: string; enum?: string[] }

const secrets = new Set(["password", "token", "privateKey", "privateKeyPassphrase", "secondPrivateKey", "accountId", "passcode"]);

/** Fields that are needed seldom: they stand behind a fold. */
export const seldom = new Set(["token", "oauthToken", "privateKeyPassphrase", "secondPrivateKey", "host", "port", "protocol", "proxy", "caFile", "endpoint", "recordsPerUpload", "bytesPerUpload", "maxEventProperties", "nested", "gzip"]);

/** fieldsOf lists the fields of a kind of resource in the order of its schema. */
export function fieldsOf(kind: Kind): Field[] {
  const spec = (kind === "connection" ? connection : account).properties.spec as { properties: Record<string, Property>; required?: string[] };
  return Object.entries(spec.properties).map(([name, p]) => ({
    name,
    type: p.enum !== undefined ? "choice" : p.type === "integer" ? "number" : p.type === "boolean" ? "boolean" : "text",
    choices: p.enum ?? [],
    secret: secrets.has(name),
    required: (spec.required ?? []).includes(name),
  }));
}

export type Spec = Record<string, unknown>;

/** withField changes a field; what is empty is left out. */
export function withField(spec: Spec, name: string, value: unknown): Spec {
  return Object.fromEntries(Object.entries({ ...spec, [name]: value }).filter(([, v]) => v !== undefined && v !== ""));
}

/** rotated makes the present key the second one: Snowflake knows two at once, so nothing stops meanwhile. */
export function rotated(spec: Spec, reference: string): Spec {
  const now = spec["privateKey"];
  return withField(withField(spec, "secondPrivateKey", now), "privateKey", reference);
}

const documents: Record<Kind, { apiVersion: string; kind: string }> = {
  connection: { apiVersion: "tapline.dev/v1alpha1", kind: "SnowflakeConnection" },
  account: { apiVersion: "tapline.dev/v1alpha1", kind: "CleverTapAccount" },
};

export function documentOf(kind: Kind, name: string, spec: Spec): { apiVersion: string; kind: string; metadata: { name: string }; spec: Spec } {
  return { ...documents[kind], metadata: { name }, spec };
}
