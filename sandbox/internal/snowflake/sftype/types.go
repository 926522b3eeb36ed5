package sftype

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Type is a Snowflake type in the words of the driver protocol.
type Type struct {
	Logical   string // FIXED, REAL, TEXT, BOOLEAN, DATE, TIME, TIMESTAMP_NTZ, …
	Precision int
	Scale     int
	Length    int // characters of TEXT, bytes of BINARY
}

const (
	MaxText   = 16777216
	MaxBinary = 8388608

	// The instants of TIMESTAMP_LTZ and TIMESTAMP_TZ are structs of seconds and
	// nanoseconds: every year, every nanosecond, and ordered as the instants are.
	duckLTZ = "STRUCT(LTZ_EPOCH BIGINT, LTZ_FRACTION INTEGER)"
	duckTZ  = "STRUCT(TZ_EPOCH BIGINT, TZ_FRACTION INTEGER, TZ_OFFSET INTEGER)"
)

// Text is VARCHAR of the greatest length.
func Text() Type { return Type{Logical: "TEXT", Length: MaxText} }

// Number is NUMBER(precision, scale).
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

func argOr(args []int, i, fallback int) int {
	if i < len(args) {
		return args[i]
	}
	return fallback
}

// Named is the type of a name and its arguments.
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
	case "VARIANT", "OBJECT", "ARRAY":
		return Type{Logical: word}, nil
	}
	return Type{}, sferr.New("002040", "42601", "SQL compilation error:\nUnsupported data type '"+word+"'.")
}

// timed is a temporal type. DuckDB has a type for the scales 0, 3, 6 and 9 of
// TIMESTAMP_NTZ; the others have no place where they would be rounded as Snowflake does.
func timed(logical string, scale int) (Type, error) {
	allowed := map[string][]int{
		"TIME": {6, 9}, "TIMESTAMP_NTZ": {0, 3, 6, 9}, "TIMESTAMP_LTZ": {9}, "TIMESTAMP_TZ": {9},
	}[logical]
	for _, s := range allowed {
		if s == scale {
			return Type{Logical: logical, Scale: scale}, nil
		}
	}
	return Type{}, sferr.Unsupported("%s(%d): the sandbox has the precisions %v", logical, scale, allowed)
}

// Duck is the DuckDB type that holds the values.
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
		return map[int]string{0: "TIMESTAMP_S", 3: "TIMESTAMP_MS", 6: "TIMESTAMP", 9: "TIMESTAMP_NS"}[t.Scale]
	case "TIMESTAMP_LTZ":
		return duckLTZ
	case "TIMESTAMP_TZ":
		return duckTZ
	case "BINARY":
		return "BLOB"
	case "VARIANT", "OBJECT", "ARRAY":
		return "JSON"
	}
	return "VARCHAR"
}

// SQLName is the type as SHOW and DESCRIBE spell it.
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
	}
	return t.Logical
}

// ValueKind is what the rewrite needs to know of the type.
func (t Type) ValueKind() sqltext.ValueKind {
	switch t.Logical {
	case "TIMESTAMP_LTZ":
		return sqltext.ValueLTZ
	case "TIMESTAMP_TZ":
		return sqltext.ValueTZ
	case "TIMESTAMP_NTZ":
		return sqltext.ValueNTZ
	case "VARIANT", "OBJECT", "ARRAY":
		return sqltext.ValueVariant
	}
	return sqltext.ValueUnknown
}

// DuckTypes finds the Snowflake types of DuckDB's.
type DuckTypes struct {
	decimal *regexp.Regexp
	fixed   map[string]Type
}

// NewDuckTypes makes the table of types.
func NewDuckTypes() DuckTypes {
	ntz := func(scale int) Type { return Type{Logical: "TIMESTAMP_NTZ", Scale: scale} }
	return DuckTypes{
		decimal: regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`),
		fixed: map[string]Type{
			"TINYINT": Number(3, 0), "UTINYINT": Number(3, 0), "SMALLINT": Number(5, 0), "USMALLINT": Number(5, 0),
			"INTEGER": Number(10, 0), "UINTEGER": Number(10, 0), "BIGINT": Number(19, 0), "UBIGINT": Number(20, 0),
			"HUGEINT": Number(38, 0),
			"DOUBLE":  {Logical: "REAL"}, "FLOAT": {Logical: "REAL"}, "BOOLEAN": {Logical: "BOOLEAN"},
			"VARCHAR": Text(), `"NULL"`: Text(), "NULL": Text(), "DATE": {Logical: "DATE"},
			"TIME": {Logical: "TIME", Scale: 6}, "TIME_NS": {Logical: "TIME", Scale: 9},
			"TIMESTAMP_S": ntz(0), "TIMESTAMP_MS": ntz(3), "TIMESTAMP": ntz(6), "TIMESTAMP_NS": ntz(9),
			"BLOB": {Logical: "BINARY", Length: MaxBinary}, "JSON": {Logical: "VARIANT"},
		},
	}
}

// Parse finds the Snowflake type of a DuckDB type; ok is false where there is none.
func (d DuckTypes) Parse(duck string) (Type, bool) {
	if t, ok := d.fixed[duck]; ok {
		return t, true
	}
	if m := d.decimal.FindStringSubmatch(duck); m != nil {
		p, _ := strconv.Atoi(m[1])
		s, _ := strconv.Atoi(m[2])
		return Number(p, s), true
	}
	switch strings.ToUpper(strings.ReplaceAll(duck, `"`, "")) {
	case duckLTZ:
		return Type{Logical: "TIMESTAMP_LTZ", Scale: 9}, true
	case duckTZ:
		return Type{Logical: "TIMESTAMP_TZ", Scale: 9}, true
	}
	return Type{}, false
}

// Column is a column of a table or of a result.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
}

// RowType is the column in the answer to a query.
func (c Column) RowType() map[string]any {
	m := map[string]any{
		"name": c.Name, "type": strings.ToLower(c.Type.Logical), "nullable": c.Nullable,
		"database": "", "schema": "", "table": "",
		"precision": nil, "scale": nil, "length": nil, "byteLength": nil, "collation": nil,
	}
	switch c.Type.Logical {
	case "FIXED":
		m["precision"], m["scale"] = c.Type.Precision, c.Type.Scale
	case "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		m["precision"], m["scale"] = 0, c.Type.Scale
	case "TEXT":
		m["length"], m["byteLength"] = c.Type.Length, min(4*c.Type.Length, MaxText)
	case "BINARY":
		m["length"], m["byteLength"] = c.Type.Length, c.Type.Length
	}
	return m
}
