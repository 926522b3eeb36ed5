import { expect, test } from "vitest";

import { conditions, fieldsOf, formOf, specOf, whichOf } from "./form";

test("a form says what it was made of, and nothing that is empty", () => {
  const spec = {
    selector: { names: ["orders-*", "crm"], owners: ["growth"], labels: { team: "a=b" } }, on: ["late"],
    email: { host: "mail.example.com", port: 25, tls: "none", from: "a@example.com", to: ["b@example.com", "c@example.com"] }, proxy: "http://proxy:3128",
  };
  expect(specOf(formOf(spec))).toEqual(spec);
  expect(specOf(formOf({ slack: { url: "ref+env://TAPLINE_NOTIFY_SLACK" } }))).toEqual({ slack: { url: "ref+env://TAPLINE_NOTIFY_SLACK" } });
});

test("all conditions are no condition, and another channel leaves the values of the first behind", () => {
  const form = formOf({ slack: { url: "x" } });
  expect(form.on).toEqual(conditions);
  expect(conditions).toEqual(["failing", "late", "held"]);
  expect(specOf({ ...form, on: ["held"], channel: "webhook", values: { ...form.values, "webhook.url": " https://a.example " } })).toEqual({ on: ["held"], webhook: { url: "https://a.example" } });
});

test("a port that is no number stays as it was typed, for the API to refuse", () => {
  expect(specOf({ ...formOf({}), channel: "email", values: { "email.port": "smtp" } })).toEqual({ email: { port: "smtp" } });
});

test("fields come from the schema", () => {
  expect(fieldsOf("email").find((f) => f.path === "email.tls")?.choices).toEqual(["startTLS", "implicit", "none"]);
  expect(fieldsOf("slack")).toEqual([{ path: "slack.url", choices: [], required: true, secret: true, list: false }]);
});

test("which imports are meant is said in short", () => {
  expect(whichOf({ selector: { names: ["a-*"], severities: ["page"] } }, "all")).toBe("a-*; page");
  expect(whichOf({}, "all")).toBe("all");
});
