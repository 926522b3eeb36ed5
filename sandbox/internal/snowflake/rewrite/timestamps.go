package rewrite

import (
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// MapTimestamps replaces the type TIMESTAMP by the one that TIMESTAMP_TYPE_MAPPING names,
// and TO_TIMESTAMP by its function.
func MapTimestamps(nodes []sqltext.Node, mapping string) {
	mapping = strings.ToUpper(mapping)
	if mapping == "TIMESTAMP_NTZ" {
		return
	}
	for i := range nodes {
		MapTimestamps(nodes[i].Kids, mapping)
		called := i+1 < len(nodes) && nodes[i+1].Kind == sqltext.KindGroup
		switch {
		case called && nodes[i].IsWord("TO_TIMESTAMP"):
			nodes[i].Text = "TO_" + mapping
		case called && nodes[i].IsWord("TRY_TO_TIMESTAMP"):
			nodes[i].Text = "TRY_TO_" + mapping
		case nodes[i].IsWord("TIMESTAMP") && isTypePosition(nodes, i):
			nodes[i].Text = mapping
		}
	}
}

// isTypePosition reports whether a word is in the place of a type: x::T, CAST(x AS T),
// T 'literal', or behind the name of a column that is defined.
func isTypePosition(nodes []sqltext.Node, i int) bool {
	if i+1 < len(nodes) && nodes[i+1].Kind == sqltext.KindString {
		return true
	}
	if i == 0 {
		return false
	}
	before := nodes[i-1]
	if before.IsOp("::") || before.IsWord("AS") && (i+1 == len(nodes) || nodes[i+1].Kind == sqltext.KindGroup) {
		return true
	}
	startsItem := i == 1 || nodes[i-2].IsOp(",") || nodes[i-2].IsWord("COLUMN", "ADD")
	return before.IsName() && !before.IsWord("SELECT", "AS", "BY", "DISTINCT") && startsItem && (i+1 == len(nodes) || !nodes[i+1].IsWord("FROM"))
}
