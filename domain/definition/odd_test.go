package definition

import (
	"fmt"
	"strings"
	"testing"
)

// doc is an import, with what stands for its mapping and behind it.
func doc(mapping, rest string) string {
	return "apiVersion: tapline.dev/v1alpha1\nkind: Import\nmetadata: {name: customers}\nspec:\n" +
		"  source: {connectionRef: warehouse, query: select 1}\n  destination: {accountRef: clevertap, type: profile}\n" +
		"  identity: {column: ID}\n  mapping: " + mapping + "\n" + rest
}

func connection(name, account, more string) string {
	return fmt.Sprintf("apiVersion: tapline.dev/v1alpha1\nkind: SnowflakeConnection\nmetadata: {name: %s%s}\nspec: {account: %q, user: U, password: \"ref+env://P\"}\n", name, more, account)
}

// TestBadInput: each gets one sentence, at its place, that says what to write.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, path, code, says string }{
		{"a number in a mapping", doc("[123]", ""), "spec.mapping[0]", "wrong_type", `write it in quotes: "123"`},
		{"a boolean in a mapping", doc("[true]", ""), "spec.mapping[0]", "wrong_type", `write it in quotes: "true"`},
		{"an empty file", "", "", "yaml_syntax", "there is no definition in it; write one"},
		{"a file of comments", "# later\n---\n", "", "yaml_syntax", "there is no definition in it; write one"},
		{"Sunday as 7", doc("[A]", `  schedules: [{cron: "0 9 * * 7"}]`), "spec.schedules[0]", "schedule_invalid", "write 0 or sun for Sunday"},
		{"minute 61", doc("[A]", `  schedules: [{cron: "61 * * * *"}]`), "spec.schedules[0]", "schedule_invalid", "minute 61 does not exist; write 0 to 59"},
		{"never due", doc("[A]", `  schedules: [{cron: "0 9 30 2 *"}]`), "spec.schedules[0]", "schedule_invalid", "is never due"},
		{"a number beyond a double", doc("[{to: x, value: 1e400}]", ""), "spec.mapping[0].value", "value_invalid", "put it in quotes to make it a text"},
		{"a number beyond a double, inside", doc("[{to: x, type: array, value: [1e400]}]", ""), "spec.mapping[0].value", "value_invalid", "put it in quotes"},
		{"a URL as account", connection("w", "https://acme-eu1.snowflakecomputing.com/console", ""), "spec.account", "value_invalid", "write account: acme-eu1"},
		{"a host as account", connection("w", "xy12345.eu-central-1.snowflakecomputing.com", ""), "spec.account", "value_invalid", "write account: xy12345.eu-central-1"},
		{"another URL as account", connection("w", "https://app.snowflake.com/acme/eu1", ""), "spec.account", "value_invalid", "not from the browser's address"},
		{"a key in the wrong place", doc("[A]", "  cursor: {column: A}"), "spec.cursor", "unknown_key", "cursor belongs under spec.source"},
		{"a column by another key", doc("[{column: A, to: B}]", ""), "spec.mapping[0].column", "unknown_key", "did you mean from?"},
		{"an expression by another key", doc("[{expression: A + 1, to: B}]", ""), "spec.mapping[0].expression", "unknown_key", "did you mean expr?"},
		{"a property by another key", doc("[{from: A, property: B}]", ""), "spec.mapping[0].property", "unknown_key", "did you mean to?"},
		{"a key of metadata in spec", doc("[A]", "  displayName: x"), "spec.displayName", "unknown_key", "displayName belongs under metadata"},
		{"a key at the top", doc("[A]", "schedules: []"), "schedules", "unknown_key", "schedules belongs under spec"},
		{"control characters in a name", connection("w", "acme", `, displayName: "a\u0007b"`), "metadata.displayName", "character_refused", "U+0007"},
		{"text turned around", connection("w", "acme", `, displayName: "a\u202Eb"`), "metadata.displayName", "character_refused", "U+202E"},
		{"NUL in a column", doc(`["A", {from: "A\0", to: x}]`, ""), "spec.mapping[1].from", "character_refused", "U+0000"},
		{"2 MB of displayName", connection("w", "acme", `, displayName: "`+strings.Repeat("x", 2<<20)+`"`), "metadata.displayName", "too_long", "there may be 255"},
		{"2 MB of defaults", "apiVersion: tapline.dev/v1alpha1\nkind: ImportDefaults\nmetadata: {name: d}\nspec: {source: {query: \"select '" + strings.Repeat("x", 2<<20) + "'\"}}", "spec.source.query", "too_long", "there may be 200000"},
		{"a name of 249 characters", connection(strings.Repeat("n", 249), "acme", ""), "metadata.name", "name_rfc1123", "249 characters and may have 63"},
		{"2,000 lines", doc("["+strings.Repeat("A, ", 2000)+"A]", ""), "spec.mapping", "too_long", "2001 items"},
		{"a constant of a megabyte", doc(`[{to: x, value: "`+strings.Repeat("x", 1<<20)+`"}]`, ""), "spec.mapping[0].value", "too_long", "65536 bytes"},
		{"a long key", doc("[A]", "  "+strings.Repeat("k", 1000)+": 1"), "spec." + strings.Repeat("k", 1000), "unknown_key", "this is no key"},
		{"another word for expressions", doc("[A]", "  expressions: former"), "spec.expressions", "value_invalid", "none of exact"},
		{"a retention of an hour", "apiVersion: tapline.dev/v1alpha1\nkind: CleverTapAccount\nmetadata: {name: c}\nspec: {region: in1, accountId: \"ref+env://A\", passcode: \"ref+env://B\", dataRetention: 1h}", "spec.dataRetention", "value_invalid", "from 1d to 3660d"},
		{"a retention's policy for profiles", strings.Replace(doc("[A]", ""), "type: profile", "type: profile, onOutsideRetention: skip", 1), "spec.destination.onOutsideRetention", "conflict", "profiles have no time"},
	} {
		_, problems := Parse("f", []byte(tt.text), nil)
		if len(problems) != 1 {
			t.Errorf("%s: %d problems, want one: %.600v", tt.name, len(problems), problems)
			continue
		}
		if p := problems[0]; p.Path != tt.path || p.Code != tt.code || !strings.Contains(p.Message, tt.says) || len(p.Message) > 400 {
			t.Errorf("%s: %.600v", tt.name, p)
		}
	}
}

// TestGoodInput: what looks like the bad input above and is right.
func TestGoodInput(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a column named by digits":    doc(`["123", "true"]`, ""),
		"numbers as constants":        doc(`[{to: x, value: 1e30}, {to: y, value: "1e400"}, {to: z, value: -5}]`, ""),
		"line breaks in SQL":          strings.Replace(doc("[A]", ""), "query: select 1", `query: "select\n\t1\r\n"`, 1),
		"accounts of all forms":       connection("a", "acme-eu1", "") + "---\n" + connection("b", "xy12345.eu-central-1.aws", "") + "---\n" + connection("c", "ACME_ORG-my_account", "") + "---\n" + connection("d", "localhost", ""),
		"emoji and joiners in a name": connection("w", "acme", ", displayName: \"👩\u200d💻 می\u200cخواهم\""),
	} {
		if _, problems := Parse("f", []byte(text), nil); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}
