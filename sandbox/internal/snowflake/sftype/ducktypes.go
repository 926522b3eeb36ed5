package sftype

import (
	"regexp"
	"strconv"
	"strings"
)

// DuckTypes translates DuckDB's types to Snowflake's.
type DuckTypes struct {
	decimal *regexp.Regexp
	vector  *regexp.Regexp
	fixed   map[string]Type
}

// NewDuckTypes returns the table of types.
func NewDuckTypes() DuckTypes {
	ntz := func(scale int) Type { return Type{Logical: "TIMESTAMP_NTZ", Scale: scale} }
	return DuckTypes{
		decimal: regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`),
		vector:  regexp.MustCompile(`^(FLOAT|INTEGER)\[(\d+)\]$`),
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

// Parse finds the Snowflake type of a DuckDB type; ok is false if there is none.
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
	case "STRUCT(SF_DECFLOAT VARCHAR)":
		return Type{Logical: "DECFLOAT"}, true
	case "STRUCT(SF_GEOGRAPHY VARCHAR)":
		return Type{Logical: "GEOGRAPHY"}, true
	case "STRUCT(SF_MAP VARCHAR)":
		return Type{Logical: "MAP", Element: "VARCHAR(16777216), VARIANT"}, true
	}
	if m := d.vector.FindStringSubmatch(duck); m != nil {
		n, _ := strconv.Atoi(m[2])
		return Type{Logical: "VECTOR", Element: map[string]string{"FLOAT": "FLOAT", "INTEGER": "INT"}[m[1]], Length: n}, true
	}
	return Type{}, false
}
