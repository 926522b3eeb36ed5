package sqltext

import "fmt"

// ValueKind is what the rewrite knows about the type of an expression; it needs to
// know only the types that DuckDB compares in another way than Snowflake.
type ValueKind string

const (
	ValueUnknown   ValueKind = ""
	ValueNTZ       ValueKind = "ntz"
	ValueLTZ       ValueKind = "ltz"
	ValueTZ        ValueKind = "tz"
	ValueVariant   ValueKind = "variant"
	ValueDecfloat  ValueKind = "decfloat"
	ValueGeography ValueKind = "geography"
	ValueMap       ValueKind = "map"
	ValueVector    ValueKind = "vector"
	ValueMixed     ValueKind = "mixed" // an instant in one of the named tables
)

// NumberKind is the kind of a NUMBER(precision, scale).
func NumberKind(precision, scale int) ValueKind {
	return ValueKind(fmt.Sprintf("number(%d,%d)", precision, scale))
}

// Number is the precision and scale of a NUMBER's kind.
func (k ValueKind) Number() (precision, scale int, ok bool) {
	n, err := fmt.Sscanf(string(k), "number(%d,%d)", &precision, &scale)
	return precision, scale, err == nil && n == 2
}
