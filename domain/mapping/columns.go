package mapping

import (
	"fmt"
	"strings"

	"tapline.dev/libs/nearest"
	"tapline.dev/schemas"
)

// columnSet gives each column that a mapping reads a slot.
type columnSet struct {
	known  bool // the query's columns were given
	names  []string
	slots  map[string]int
	folded map[string]int // without columns: names that match but for case
}

func (c *columnSet) slot(name string) int {
	if at, ok := c.slots[name]; ok {
		return at
	}
	at := len(c.names)
	c.names = append(c.names, name)
	c.slots[name] = at
	if !c.known {
		c.folded[strings.ToLower(name)] = at
	}
	return at
}

// findColumn matches a name exactly, else without regard to case if that is
// unique. The code and message are empty if it found one.
func findColumn(columns []schemas.Column, name string) (found *schemas.Column, code, message string) {
	exact, loose := 0, 0
	var looseMatch *schemas.Column
	for i := range columns {
		switch {
		case columns[i].Name == name:
			exact++
			found = &columns[i]
		case strings.EqualFold(columns[i].Name, name):
			loose++
			looseMatch = &columns[i]
		}
	}
	switch {
	case exact == 1:
		return found, "", ""
	case exact > 1:
		return nil, codeColumnAmbiguous, fmt.Sprintf("the query has %d columns named %s; give them aliases", exact, name)
	case loose == 1:
		return looseMatch, "", ""
	case loose > 1:
		return nil, codeColumnAmbiguous, fmt.Sprintf("%s matches %d columns that differ in case only; write the exact name", name, loose)
	}
	return nil, codeColumnMissing, "the query has no column " + name + nearest.Question(name, func(yield func(string) bool) {
		for i := range columns {
			if !yield(columns[i].Name) {
				return
			}
		}
	})
}

// family maps the spellings that people use to Snowflake's own type names. A
// type that it does not know is treated as VARIANT: each value decides.
func family(typ string) string {
	name, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(typ)), "(")
	switch strings.TrimSpace(name) {
	case columnFixed, "NUMBER", "DECIMAL", "NUMERIC", "INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT":
		return columnFixed
	case columnReal, "FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION":
		return columnReal
	case columnText, "VARCHAR", "STRING", "CHAR", "CHARACTER":
		return columnText
	case columnBoolean, columnDate, columnTime, columnLTZ, columnTZ, columnNTZ, columnBinary, columnObject, columnArray:
		return strings.TrimSpace(name)
	case "TIMESTAMP", "DATETIME":
		return columnNTZ
	case "VARBINARY":
		return columnBinary
	}
	return columnVariant
}

func isTimestamp(family string) bool {
	return family == columnNTZ || family == columnLTZ || family == columnTZ
}

// defaultType is the type of a property whose mapping names none.
func defaultType(c *schemas.Column) string {
	switch f := family(c.Type); {
	case f == columnFixed && c.Scale == 0:
		return typeInteger
	case f == columnFixed, f == columnReal:
		return typeFloat
	case f == columnBoolean:
		return typeBoolean
	case f == columnDate, isTimestamp(f):
		return typeDate
	case f == columnObject:
		return typeObject
	case f == columnArray:
		return typeArray
	case f == columnVariant:
		return ""
	}
	return typeString
}

// canBecome reports whether some value of the column can become the type.
func canBecome(columnFamily, typ string, epoch bool) bool {
	if columnFamily == columnVariant {
		return true
	}
	switch typ {
	case typeString:
		return true
	case typeInteger, typeLong, typeFloat:
		return columnFamily == columnFixed || columnFamily == columnReal || columnFamily == columnText
	case typeBoolean:
		return columnFamily == columnBoolean || columnFamily == columnFixed || columnFamily == columnReal || columnFamily == columnText
	case typeDate:
		if epoch {
			return columnFamily == columnFixed || columnFamily == columnReal || columnFamily == columnText
		}
		return columnFamily == columnDate || columnFamily == columnText || isTimestamp(columnFamily)
	case typeObject:
		return columnFamily == columnObject
	case typeArray:
		return columnFamily == columnArray
	}
	return false
}
