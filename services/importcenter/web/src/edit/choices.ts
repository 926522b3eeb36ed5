import schema from "../../../../../schemas/import.v1alpha1.schema.json";

const spec = schema.properties.spec.properties;
const line = property();

/** What a definition may say where it has to choose, as its JSON Schema lists it. */
export const choices = {
  type: line("type"),
  format: line("format"),
  onInvalid: line("onInvalid"),
  onNull: line("onNull"),
  op: line("op"),
  identityKind: spec.identity.properties.kind.enum,
  epoch: spec.source.properties.cursor.properties.epoch.enum,
  createdOnFormat: spec.destination.properties.event.properties.createdOn.properties.format.enum,
};

/** property finds the values of a key of a mapping's line in its long form. */
function property(): (key: string) => string[] {
  for (const form of spec.mapping.items.oneOf) {
    if ("properties" in form) {
      const keys = form.properties as unknown as Record<string, { enum?: string[] }>;
      return (key) => keys[key]?.enum ?? [];
    }
  }
  throw new Error("the schema of a mapping has no long form");
}
