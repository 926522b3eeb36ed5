package sftype

import (
	"fmt"
	"strconv"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Type is a Snowflake type with the names of the driver protocol.
type Type struct {
	Logical   string // FIXED, REAL, TEXT, BOOLEAN, DATE, TIME, TIMESTAMP_NTZ, …
	Precision int
	Scale     int
	Length    int // characters of TEXT, bytes of BINARY, elements of a VECTOR
	// Element is the type of a VECTOR's elements, or the key and value types of a MAP.
	Element string
	// Wide marks a TIMESTAMP_NTZ in whole microseconds, because its column holds years
	// outside the range of DuckDB's nanoseconds.
	Wide bool
}

const (
	MaxText   = 16777216
	MaxBinary = 8388608

	// TIMESTAMP_LTZ and TIMESTAMP_TZ are structs of seconds and nanoseconds. They hold
	// every year and every nanosecond, and DuckDB orders them as instants.
	duckLTZ = "STRUCT(LTZ_EPOCH BIGINT, LTZ_FRACTION INTEGER)"
	duckTZ  = "STRUCT(TZ_EPOCH BIGINT, TZ_FRACTION INTEGER, TZ_OFFSET INTEGER)"
)

// Text returns VARCHAR of the greatest length.
func Text() Type { return Type{Logical: "TEXT", Length: MaxText} }

// Number returns NUMBER(precision, scale).
func Number(precision, scale int) Type {
	return Type{Logical: "FIXED", Precision: precision, Scale: scale}
}

// Parse reads a type at the start of nodes and says how many nodes it took.
func Parse(nodes []sqltext.Node) (Type, int, error) {
	if len(nodes) == 0 || nodes[0].Kind != sqltext.KindWord {
		return Type{}, 0, sferr.Syntax("syntax error: a data type is missing.")
	}
	word, used := nodes[0].Word(), 1
	for _, pair := range [][2]string{{"DOUBLE", "PRECISION"}, {"CHAR", "VARYING"}} {
		if word == pair[0] && len(nodes) > 1 && nodes[1].IsWord(pair[1]) {
			used++
		}
	}
	if len(nodes) > used && nodes[used].Kind == sqltext.KindGroup && (word == "VECTOR" || word == "MAP") {
		t, err := compound(word, sqltext.SplitComma(nodes[used].Kids))
		return t, used + 1, err
	}
	var args []int
	if len(nodes) > used && nodes[used].Kind == sqltext.KindGroup {
		for _, arg := range sqltext.SplitComma(nodes[used].Kids) {
			if len(arg) != 1 || arg[0].Kind != sqltext.KindNumber {
				return Type{}, 0, sferr.Unsupported("data type %s with such arguments", word)
			}
			v, err := strconv.Atoi(arg[0].Text)
			if err != nil {
				return Type{}, 0, sferr.Syntax("syntax error unexpected '%s'.", arg[0].Text)
			}
			args = append(args, v)
		}
		used++
	}
	t, err := Named(word, args)
	return t, used, err
}

// compound parses VECTOR(FLOAT | INT, n) and MAP(key, value).
func compound(word string, args [][]sqltext.Node) (Type, error) {
	bad := sferr.New("002040", "42601", "SQL compilation error:\nUnsupported data type '"+word+"'.")
	if len(args) != 2 {
		return Type{}, bad
	}
	first, used, err := Parse(args[0])
	if err != nil || used != len(args[0]) {
		return Type{}, bad
	}
	if word == "MAP" {
		value, used, err := Parse(args[1])
		if err != nil || used != len(args[1]) || first.Logical != "TEXT" && (first.Logical != "FIXED" || first.Scale != 0) {
			return Type{}, bad
		}
		return Type{Logical: "MAP", Element: first.SQLName() + ", " + value.SQLName()}, nil
	}
	n := 0
	if len(args[1]) == 1 && args[1][0].Kind == sqltext.KindNumber {
		n, _ = strconv.Atoi(args[1][0].Text) // 0 is refused below
	}
	element := map[string]string{"REAL": "FLOAT", "FIXED": "INT"}[first.Logical]
	if element == "" || n < 1 || n > 4096 {
		return Type{}, bad
	}
	return Type{Logical: "VECTOR", Element: element, Length: n}, nil
}

func argOr(args []int, i, fallback int) int {
	if i < len(args) {
		return args[i]
	}
	return fallback
}

// Named returns the type with a name and arguments.
func Named(word string, args []int) (Type, error) {
	switch word {
	case "NUMBER", "DECIMAL", "NUMERIC", "DEC":
		p, s := argOr(args, 0, 38), argOr(args, 1, 0)
		if p < 1 || p > 38 || s < 0 || s > p || s > 37 {
			return Type{}, sferr.New("002029", "42601", "SQL compilation error:\nInvalid precision or scale of a NUMBER")
		}
		return Number(p, s), nil
	case "INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT":
		return Number(38, 0), nil
	case "FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "REAL":
		return Type{Logical: "REAL"}, nil
	case "VARCHAR", "STRING", "TEXT", "NVARCHAR", "NVARCHAR2":
		return Type{Logical: "TEXT", Length: argOr(args, 0, MaxText)}, nil
	case "CHAR", "CHARACTER", "NCHAR":
		return Type{Logical: "TEXT", Length: argOr(args, 0, 1)}, nil
	case "BOOLEAN":
		return Type{Logical: "BOOLEAN"}, nil
	case "DATE":
		return Type{Logical: "DATE"}, nil
	case "TIME":
		return timed("TIME", argOr(args, 0, 9))
	case "TIMESTAMP_NTZ", "TIMESTAMP", "DATETIME", "TIMESTAMPNTZ":
		return timed("TIMESTAMP_NTZ", argOr(args, 0, 9))
	case "TIMESTAMP_LTZ", "TIMESTAMPLTZ":
		return timed("TIMESTAMP_LTZ", argOr(args, 0, 9))
	case "TIMESTAMP_TZ", "TIMESTAMPTZ":
		return timed("TIMESTAMP_TZ", argOr(args, 0, 9))
	case "BINARY", "VARBINARY":
		return Type{Logical: "BINARY", Length: argOr(args, 0, MaxBinary)}, nil
	case "VARIANT", "OBJECT", "ARRAY", "DECFLOAT", "GEOGRAPHY":
		return Type{Logical: word}, nil
	}
	return Type{}, sferr.New("002040", "42601", "SQL compilation error:\nUnsupported data type '"+word+"'.")
}

// timed returns a temporal type. DuckDB has types for the scales 0, 3, 6 and 9; for another
// scale the next finer one is used, and values are truncated when they are stored.
func timed(logical string, scale int) (Type, error) {
	if scale < 0 || scale > 9 {
		return Type{}, sferr.New("002029", "42601", fmt.Sprintf("SQL compilation error:\nInvalid precision '%d' of a %s: it must lie between 0 and 9", scale, logical))
	}
	return Type{Logical: logical, Scale: scale}, nil
}

// Wrapped returns the member of the struct that holds the text of a type which DuckDB does not
// have: a DECFLOAT's digits, a GEOGRAPHY's and a MAP's JSON.
func Wrapped(logical string) string { return "SF_" + logical }

// Duck returns the DuckDB type that holds the values.
func (t Type) Duck() string {
	switch t.Logical {
	case "FIXED":
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case "REAL":
		return "DOUBLE"
	case "BOOLEAN", "DATE":
		return t.Logical
	case "TIME":
		if t.Scale > 6 {
			return "TIME_NS"
		}
		return "TIME"
	case "TIMESTAMP_NTZ":
		switch {
		case t.Scale == 0:
			return "TIMESTAMP_S"
		case t.Scale <= 3:
			return "TIMESTAMP_MS"
		case t.Scale <= 6 || t.Wide:
			return "TIMESTAMP"
		}
		return "TIMESTAMP_NS"
	case "TIMESTAMP_LTZ":
		return duckLTZ
	case "TIMESTAMP_TZ":
		return duckTZ
	case "BINARY":
		return "BLOB"
	case "VARIANT", "OBJECT", "ARRAY":
		return "JSON"
	case "DECFLOAT", "GEOGRAPHY", "MAP":
		return "STRUCT(" + Wrapped(t.Logical) + " VARCHAR)"
	case "VECTOR":
		return fmt.Sprintf("%s[%d]", map[string]string{"FLOAT": "FLOAT", "INT": "INTEGER"}[t.Element], t.Length)
	}
	return "VARCHAR"
}

// SQLName returns the type as SHOW and DESCRIBE spell it.
func (t Type) SQLName() string {
	switch t.Logical {
	case "FIXED":
		return fmt.Sprintf("NUMBER(%d,%d)", t.Precision, t.Scale)
	case "REAL":
		return "FLOAT"
	case "TEXT":
		return fmt.Sprintf("VARCHAR(%d)", t.Length)
	case "BINARY":
		return fmt.Sprintf("BINARY(%d)", t.Length)
	case "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return fmt.Sprintf("%s(%d)", t.Logical, t.Scale)
	case "VECTOR":
		return fmt.Sprintf("VECTOR(%s, %d)", t.Element, t.Length)
	case "MAP":
		return "MAP(" + t.Element + ")"
	}
	return t.Logical
}

// ValueKind returns what the rewrite needs to know of the type.
func (t Type) ValueKind() sqltext.ValueKind {
	switch t.Logical {
	case "FIXED":
		return sqltext.NumberKind(t.Precision, t.Scale)
	case "TIMESTAMP_LTZ":
		return sqltext.ValueLTZ
	case "TIMESTAMP_TZ":
		return sqltext.ValueTZ
	case "TIMESTAMP_NTZ":
		return sqltext.ValueNTZ
	case "VARIANT", "OBJECT", "ARRAY":
		return sqltext.ValueVariant
	case "DECFLOAT":
		return sqltext.ValueDecfloat
	case "GEOGRAPHY":
		return sqltext.ValueGeography
	case "MAP":
		return sqltext.ValueMap
	case "VECTOR":
		return sqltext.ValueVector
	}
	return sqltext.ValueUnknown
}
