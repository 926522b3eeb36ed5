package snowflake

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// valueKind is what the rewrite knows about the type of an expression; it needs to
// know only the types for which DuckDB's own comparison would not be Snowflake's.
type valueKind string

const (
	valueUnknown valueKind = ""
	valueNTZ     valueKind = "ntz"
	valueLTZ     valueKind = "ltz"
	valueTZ      valueKind = "tz"
	valueVariant valueKind = "variant"
	valueMixed   valueKind = "mixed" // an instant in one of the named tables
)

// colType is a Snowflake type in the words of the driver protocol.
type colType struct {
	Logical   string // FIXED, REAL, TEXT, BOOLEAN, DATE, TIME, TIMESTAMP_NTZ, …
	Precision int
	Scale     int
	Length    int // characters of TEXT, bytes of BINARY
}

const (
	maxText   = 16777216
	maxBinary = 8388608

	// The instants of TIMESTAMP_LTZ and TIMESTAMP_TZ are structs of seconds and
	// nanoseconds: every year, every nanosecond, and ordered as the instants are.
	duckLTZ = "STRUCT(LTZ_EPOCH BIGINT, LTZ_FRACTION INTEGER)"
	duckTZ  = "STRUCT(TZ_EPOCH BIGINT, TZ_FRACTION INTEGER, TZ_OFFSET INTEGER)"
)

func textType() colType { return colType{Logical: "TEXT", Length: maxText} }

func fixedType(precision, scale int) colType {
	return colType{Logical: "FIXED", Precision: precision, Scale: scale}
}

// parseType reads a type at the start of nodes and says how many nodes it took.
func parseType(nodes []node) (colType, int, error) {
	if len(nodes) == 0 || nodes[0].kind != kindWord {
		return colType{}, 0, syntaxError("syntax error: a data type is missing.")
	}
	word, used := nodes[0].word(), 1
	for _, pair := range [][2]string{{"DOUBLE", "PRECISION"}, {"CHAR", "VARYING"}} {
		if word == pair[0] && len(nodes) > 1 && nodes[1].isWord(pair[1]) {
			used++
		}
	}
	var args []int
	if len(nodes) > used && nodes[used].kind == kindGroup {
		for _, arg := range splitComma(nodes[used].kids) {
			if len(arg) != 1 || arg[0].kind != kindNumber {
				return colType{}, 0, unsupported("data type %s with such arguments", word)
			}
			v, err := strconv.Atoi(arg[0].text)
			if err != nil {
				return colType{}, 0, syntaxError("syntax error unexpected '%s'.", arg[0].text)
			}
			args = append(args, v)
		}
		used++
	}
	t, err := namedType(word, args)
	return t, used, err
}

func argOr(args []int, i, fallback int) int {
	if i < len(args) {
		return args[i]
	}
	return fallback
}

func namedType(word string, args []int) (colType, error) {
	switch word {
	case "NUMBER", "DECIMAL", "NUMERIC", "DEC":
		p, s := argOr(args, 0, 38), argOr(args, 1, 0)
		if p < 1 || p > 38 || s < 0 || s > p || s > 37 {
			return colType{}, &Error{"002029", "42601", "SQL compilation error:\nInvalid precision or scale of a NUMBER"}
		}
		return fixedType(p, s), nil
	case "INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT":
		return fixedType(38, 0), nil
	case "FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "REAL":
		return colType{Logical: "REAL"}, nil
	case "VARCHAR", "STRING", "TEXT", "NVARCHAR", "NVARCHAR2":
		return colType{Logical: "TEXT", Length: argOr(args, 0, maxText)}, nil
	case "CHAR", "CHARACTER", "NCHAR":
		return colType{Logical: "TEXT", Length: argOr(args, 0, 1)}, nil
	case "BOOLEAN":
		return colType{Logical: "BOOLEAN"}, nil
	case "DATE":
		return colType{Logical: "DATE"}, nil
	case "TIME":
		return timed("TIME", argOr(args, 0, 9))
	case "TIMESTAMP_NTZ", "TIMESTAMP", "DATETIME", "TIMESTAMPNTZ":
		return timed("TIMESTAMP_NTZ", argOr(args, 0, 9))
	case "TIMESTAMP_LTZ", "TIMESTAMPLTZ":
		return timed("TIMESTAMP_LTZ", argOr(args, 0, 9))
	case "TIMESTAMP_TZ", "TIMESTAMPTZ":
		return timed("TIMESTAMP_TZ", argOr(args, 0, 9))
	case "BINARY", "VARBINARY":
		return colType{Logical: "BINARY", Length: argOr(args, 0, maxBinary)}, nil
	case "VARIANT", "OBJECT", "ARRAY":
		return colType{Logical: word}, nil
	}
	return colType{}, &Error{"002040", "42601", "SQL compilation error:\nUnsupported data type '" + word + "'."}
}

// timed is a temporal type. DuckDB has a type for the scales 0, 3, 6 and 9 of
// TIMESTAMP_NTZ; the others have no place where they would be rounded as Snowflake does.
func timed(logical string, scale int) (colType, error) {
	allowed := map[string][]int{
		"TIME": {6, 9}, "TIMESTAMP_NTZ": {0, 3, 6, 9}, "TIMESTAMP_LTZ": {9}, "TIMESTAMP_TZ": {9},
	}[logical]
	for _, s := range allowed {
		if s == scale {
			return colType{Logical: logical, Scale: scale}, nil
		}
	}
	return colType{}, unsupported("%s(%d): the sandbox has the precisions %v", logical, scale, allowed)
}

// duck is the DuckDB type that holds the values.
func (t colType) duck() string {
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

// sqlName is the type as SHOW and DESCRIBE spell it.
func (t colType) sqlName() string {
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

func (t colType) value() valueKind {
	switch t.Logical {
	case "TIMESTAMP_LTZ":
		return valueLTZ
	case "TIMESTAMP_TZ":
		return valueTZ
	case "TIMESTAMP_NTZ":
		return valueNTZ
	case "VARIANT", "OBJECT", "ARRAY":
		return valueVariant
	}
	return valueUnknown
}

type duckTypes struct {
	decimal *regexp.Regexp
	fixed   map[string]colType
}

func newDuckTypes() duckTypes {
	ntz := func(scale int) colType { return colType{Logical: "TIMESTAMP_NTZ", Scale: scale} }
	return duckTypes{
		decimal: regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`),
		fixed: map[string]colType{
			"TINYINT": fixedType(3, 0), "UTINYINT": fixedType(3, 0), "SMALLINT": fixedType(5, 0), "USMALLINT": fixedType(5, 0),
			"INTEGER": fixedType(10, 0), "UINTEGER": fixedType(10, 0), "BIGINT": fixedType(19, 0), "UBIGINT": fixedType(20, 0),
			"HUGEINT": fixedType(38, 0),
			"DOUBLE":  {Logical: "REAL"}, "FLOAT": {Logical: "REAL"}, "BOOLEAN": {Logical: "BOOLEAN"},
			"VARCHAR": textType(), `"NULL"`: textType(), "NULL": textType(), "DATE": {Logical: "DATE"},
			"TIME": {Logical: "TIME", Scale: 6}, "TIME_NS": {Logical: "TIME", Scale: 9},
			"TIMESTAMP_S": ntz(0), "TIMESTAMP_MS": ntz(3), "TIMESTAMP": ntz(6), "TIMESTAMP_NS": ntz(9),
			"BLOB": {Logical: "BINARY", Length: maxBinary}, "JSON": {Logical: "VARIANT"},
		},
	}
}

// parse finds the Snowflake type of a DuckDB type; ok is false where there is none.
func (d duckTypes) parse(duck string) (colType, bool) {
	if t, ok := d.fixed[duck]; ok {
		return t, true
	}
	if m := d.decimal.FindStringSubmatch(duck); m != nil {
		p, _ := strconv.Atoi(m[1])
		s, _ := strconv.Atoi(m[2])
		return fixedType(p, s), true
	}
	switch strings.ToUpper(strings.ReplaceAll(duck, `"`, "")) {
	case duckLTZ:
		return colType{Logical: "TIMESTAMP_LTZ", Scale: 9}, true
	case duckTZ:
		return colType{Logical: "TIMESTAMP_TZ", Scale: 9}, true
	}
	return colType{}, false
}

// column is a column of a table or of a result.
type column struct {
	Name     string
	Type     colType
	Nullable bool
}

// rowType is the column in the answer to a query.
func (c column) rowType() map[string]any {
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
		m["length"], m["byteLength"] = c.Type.Length, min(4*c.Type.Length, maxText)
	case "BINARY":
		m["length"], m["byteLength"] = c.Type.Length, c.Type.Length
	}
	return m
}
