package snowflake

import (
	"errors"
	"strings"
	"testing"

	"github.com/snowflakedb/gosnowflake"
)

// TestErrorsByTheirCode: what Snowflake's own list says of an error decides, and not
// the class of its SQLSTATE; names of the user's own text are told, values never.
func TestErrorsByTheirCode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		number      int
		state, said string
		code        string
		permanent   bool
		has, hasNot string
	}{
		"a table":                        {2003, "42S02", "SQL compilation error:\nObject 'SHOP.PUBLIC.NOPE' does not exist or not authorized.", CodeQuery, true, "SHOP.PUBLIC.NOPE", ""},
		"a column":                       {904, "42000", "SQL compilation error: error line 3 at position 7\ninvalid identifier 'NAMEE'", CodeQuery, true, "NAMEE, near line 2, position 7", ""},
		"a function":                     {2140, "42601", "SQL compilation error:\nUnknown function FOO", CodeQuery, true, ": FOO", ""},
		"a date part":                    {1045, "22023", "SQL compilation error:\n'foo' is not a valid date/time component for function DATE_TRUNC.", CodeQuery, true, "part that does not exist: foo", "value in the data"},
		"another compilation error":      {1044, "22023", "SQL compilation error: error line 2 at position 3\ninvalid argument 'secret-value'", CodeQuery, true, "does not compile", "secret-value"},
		"a value":                        {100038, "22018", "Numeric value 'secret-value' is not recognized", CodeQuery, true, "value in the data", "secret-value"},
		"a value that looks like a name": {100038, "22018", "Object 'secret-value' does not exist", CodeQuery, true, "value in the data", "secret-value"},
		"no database":                    {90105, "22000", "Cannot perform SELECT. This session does not have a current database.", CodeConnection, true, "no database is current", "value in the data"},
		"no schema":                      {90106, "22000", "This session does not have a current schema.", CodeConnection, true, "no schema is current", ""},
		"a resource monitor":             {90073, "22000", "Warehouse 'WH' cannot be resumed because resource monitor 'M' has exceeded its quota.", CodeUnreachable, false, "resource monitor", "value in the data"},
		"an error of tomorrow":           {98765, "22000", "secret-value", CodeUnreachable, false, "answered with an error", "secret-value"},
		"a percent sign":                 {2003, "42S02", "Object 'A%sB' does not exist", CodeQuery, true, "A%sB", "MISSING"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := translate("running the query", &gosnowflake.SnowflakeError{Number: c.number, SQLState: c.state, Message: c.said})
			var e *Error
			if !errors.As(err, &e) || e.Code != c.code || e.Permanent != c.permanent || !strings.Contains(e.Reason, c.has) {
				t.Errorf("%+v, want %s, permanent %v, with %q", err, c.code, c.permanent, c.has)
			}
			if c.hasNot != "" && strings.Contains(e.Reason, c.hasNot) {
				t.Errorf("%q repeats %q", e.Reason, c.hasNot)
			}
		})
	}
}
