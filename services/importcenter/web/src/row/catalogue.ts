import errors from "../../../../../schemas/errors.json";

/** Meaning is what the catalogue of codes says of one. */
export interface Meaning {
  meaning: string;
  likelyCause: string;
  action: string;
}

const byCode = new Map(errors.map((e) => [e.code, e]));

/** meaningOf looks a code up in the catalogue that the services use. */
export function meaningOf(code: string): Meaning | undefined {
  return byCode.get(code);
}
