package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// ValuesRow rewrites a row of VALUES for the columns that it fills.
func (r *Rewriter) ValuesRow(cells [][]sqltext.Node, columns []sftype.Column) (string, error) {
	if len(cells) != len(columns) {
		return "", sferr.New("001031", "21S01", fmt.Sprintf("SQL compilation error:\nInsert value list does not match column list expecting %d but got %d", len(columns), len(cells)))
	}
	out := make([]string, len(cells))
	for i, cell := range cells {
		inner, err := r.List(cell)
		if err != nil {
			return "", err
		}
		x := sqltext.Raw("(" + sqltext.Emit(inner) + ")")
		if len(inner) == 1 {
			x = inner[0]
		}
		if x, err = r.Assign(x, columns[i].Type); err != nil {
			return "", err
		}
		out[i] = sqltext.Emit([]sqltext.Node{x})
	}
	return "(" + strings.Join(out, ", ") + ")", nil
}

// Assign converts a value to the type of its column with Snowflake's rules, where DuckDB's
// differ.
func (r *Rewriter) Assign(x sqltext.Node, t sftype.Type) (sqltext.Node, error) {
	if x.IsWord("NULL", "DEFAULT") || x.Kind == sqltext.KindRaw && x.Text == "NULL" {
		return x, nil
	}
	switch t.Logical {
	case "VECTOR", "MAP", "DECFLOAT", "GEOGRAPHY":
		if x.Value == t.ValueKind() {
			return x, nil
		}
	case "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		if x.Value == t.ValueKind() && t.Scale == 9 {
			return x, nil
		}
	case "TIMESTAMP_NTZ":
		if x.Value == sqltext.ValueNTZ && x.Alt != "" && t.Scale%3 == 0 && !t.Wide { // a literal; DuckDB checks its range
			return x, nil
		}
	case "FIXED", "REAL", "BOOLEAN":
		if x.Value == sqltext.ValueVariant {
			return r.cast(x, t, false)
		}
		return x, nil
	case "TEXT":
		if x.Kind == sqltext.KindString || x.Kind == sqltext.KindNumber {
			return x, nil
		}
		return r.cast(x, sftype.Text(), false)
	case "BINARY":
		if strings.HasPrefix(x.Text, "from_hex(") {
			return x, nil
		}
	}
	return r.cast(x, t, false)
}
