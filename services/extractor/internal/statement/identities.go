package statement

import (
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// Identities writes the statement that reads the rows of people: all of them whose
// identity is one of the keys, in the cursor's order, so that the newest version of each
// comes last. ok is false if no row can have one of the keys.
//
// Whole numbers stand in the text: they are digits and nothing else, and Snowflake can
// skip partitions of the table by them. Texts are bound.
func (s *Source) Identities(columns []schemas.Column, cur *Cursor, identity schemas.Column, keys []string) (stmt Statement, ok bool) {
	visible := columns
	behind, order := "", ""
	if cur != nil {
		if s.hidden {
			visible = columns[:len(columns)-1]
			behind = ", " + s.cursorSQL() + " AS " + quote(CursorAlias)
		}
		order = " ORDER BY " + s.cursorSQL() + " NULLS FIRST"
	}
	where, args, ok := isOneOf(identity, keys)
	return Statement{SQL: "SELECT " + list(visible) + behind + " FROM (\n" + s.text + "\n) AS src WHERE " + where + order, Args: args}, ok
}

// Person writes the statement that reads the newest rows of one person, in the cursor's
// order. ok is false if no row can have the key.
func (s *Source) Person(columns []schemas.Column, cur *Cursor, identity schemas.Column, key string, limit int) (stmt Statement, ok bool) {
	stmt, ok = s.Identities(columns, cur, identity, []string{key})
	if cur != nil {
		stmt.SQL = strings.TrimSuffix(stmt.SQL, "NULLS FIRST") + "DESC NULLS LAST"
	}
	stmt.SQL += " LIMIT " + strconv.Itoa(limit)
	return stmt, ok
}

// isOneOf is the condition of rows whose identity is one of the keys; ok is false if no
// row can have one of them.
func isOneOf(identity schemas.Column, keys []string) (where string, args []string, ok bool) {
	var in []string
	where = identitySQL(identity.Name)
	switch {
	case identity.Type == "FIXED" && identity.Scale == 0:
		where = "src." + quote(identity.Name)
		for _, key := range keys {
			if wholeNumber(key) {
				in = append(in, key)
			}
		}
	default:
		if identity.Type == "TEXT" {
			where = "TRIM(src." + quote(identity.Name) + ")"
		}
		for _, key := range keys {
			in, args = append(in, "?"), append(args, strings.Trim(key, " "))
		}
	}
	return where + " IN (" + strings.Join(in, ", ") + ")", args, len(in) > 0
}

// maxDigits is how many digits a NUMBER has at most.
const maxDigits = 38

// wholeNumber reports whether a key is a whole number as Snowflake writes it.
func wholeNumber(key string) bool {
	digits := strings.TrimPrefix(key, "-")
	if digits == "" || len(digits) > maxDigits {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}
