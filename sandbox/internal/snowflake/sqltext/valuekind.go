package sqltext

// ValueKind is what the rewrite knows about the type of an expression; it needs to
// know only the types for which DuckDB's own comparison would not be Snowflake's.
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
