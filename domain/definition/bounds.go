package definition

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"tapline.dev/schemas"
)

// Every text and every list of a definition has a bound: definitions are kept in
// memory by every service, printed in tables and sent in records that Kafka
// bounds.
const (
	maxText    = 255           // characters of a text for which nothing else is said
	maxSQL     = 200_000       // characters of a query
	maxSnippet = 8_192         // characters of an expression, or of SQL that stands for a value
	maxValue   = 64 << 10      // bytes of a constant or a default
	maxMembers = 64            // labels
	maxList    = 50            // items of a list for which nothing else is said
	maxLines   = 500           // lines of a mapping
	maxShort   = 2*maxText + 4 // characters of a mapping's line in its short form
)

// bounds returns the bounds of those texts and lists for which maxText and
// maxList do not hold, by path.
func bounds() map[string]int {
	return map[string]int{
		"spec.source.query": maxSQL, "spec.source.queryFile": 1024, "spec.source.table": 3*maxText + 8,
		"spec.source.cursor.expr": maxSnippet, "spec.source.cursor.nulls.coalesce": maxSnippet, "spec.source.cursor.nulls": maxSnippet,
		"spec.mapping": maxLines, "spec.mapping.expr": maxSnippet, "spec.mapping.value": maxValue, "spec.mapping.default": maxValue,
		"spec.destination.event.name": 512, "spec.endpoint": 2048, "spec.schedules.times": 100, "metadata.labels": maxMembers,
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

// boundOf is how many characters, items or members may stand at a path.
func boundOf(path string, list bool) int {
	if n, ok := bounds()[index.ReplaceAllString(path, "")]; ok {
		return n
	}
	if list {
		return maxList
	}
	return maxText
}

// bounded reports whether a text, a list or an object has no more than it may,
// and notes a problem if it has.
func (w *walker) bounded(n *yaml.Node, path string) bool {
	have, what, list := 0, "characters", false
	switch n.Kind {
	case yaml.ScalarNode:
		have = len([]rune(n.Value))
	case yaml.SequenceNode:
		have, what, list = len(n.Content), "items", true
	case yaml.MappingNode:
		have, what, list = len(n.Content)/2, "keys", true
	}
	limit := boundOf(path, list)
	if have <= limit {
		return true
	}
	w.problem(n, codeTooLong, path, "there are %d %s here and there may be %d; write less", have, what, limit)
	return false
}

// holdsSQL reports whether the text at a path may contain line breaks and tabs,
// as SQL does.
func holdsSQL(path string) bool {
	path = index.ReplaceAllString(path, "")
	return slices.Contains([]string{"spec.source.query", "spec.source.cursor.expr", "spec.source.cursor.nulls.coalesce", "spec.source.cursor.nulls", "spec.mapping.expr"}, path)
}

// printable reports characters that a terminal does not show as themselves, by
// their numbers.
func (w *walker) printable(n *yaml.Node, path string) {
	for _, r := range n.Value {
		turns := r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
		if !turns && !unicode.IsControl(r) || holdsSQL(path) && strings.ContainsRune("\n\r\t", r) {
			continue
		}
		w.problem(n, codeCharacter, path, "the text contains %U, which nobody sees; remove it", r)
		return
	}
}

// elsewhere says where a key belongs that was written in the wrong place.
func elsewhere(kind, key string) string {
	var found []string
	var walk func(t reflect.Type, path string)
	walk = func(t reflect.Type, path string) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t != reflect.TypeFor[json.RawMessage]() {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[schemas.ImportSpec]().PkgPath() || t == reflect.TypeFor[schemas.Nulls]() {
			return
		}
		for name, typ := range fieldsOf(t) {
			if name == key {
				found = append(found, path)
			}
			walk(typ, join(path, name))
		}
	}
	walk(specOf(kind), "spec")
	walk(reflect.TypeFor[schemas.Metadata](), "metadata")
	slices.Sort(found)
	switch len(found) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s belongs under %s", key, found[0])
	}
	return fmt.Sprintf("%s belongs under one of %s", key, strings.Join(found, ", "))
}

// beyondNumbers reports a number that is too large for a double; YAML reads such
// a number as a text.
func (w *walker) beyondNumbers(n *yaml.Node, path string) {
	if n.Style == 0 && n.ShortTag() == "!!str" && n.Value != "" && (n.Value[0] == '-' || n.Value[0] >= '0' && n.Value[0] <= '9') && plainNumber(n.Value) {
		w.problem(n, codeValueInvalid, path, "the number is beyond a double; write one that is not, or put it in quotes to make it a text")
	}
}

// accountName is an account identifier: organization-account, or a locator with
// its region and cloud.
var accountName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// checkAccountName reports what people paste by mistake in place of an account
// identifier.
func checkAccountName(f *findings, account string) {
	if accountName.MatchString(account) && !strings.Contains(strings.ToLower(account), ".snowflakecomputing.") {
		return
	}
	rest := account
	if _, after, ok := strings.Cut(rest, "://"); ok {
		rest = after
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	if at := strings.Index(strings.ToLower(host), ".snowflakecomputing."); at > 0 && accountName.MatchString(host[:at]) {
		f.add(codeValueInvalid, "spec.account", "an account is named without its URL; write account: %s", host[:at])
		return
	}
	f.add(codeValueInvalid, "spec.account", "an account's name has letters, digits, hyphens, underscores and dots, such as acme-eu1; take it from Snowflake's account details, not from the browser's address")
}
