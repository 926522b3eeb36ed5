package mapping

import (
	"sync"
	"time"

	"tapline.dev/domain/mapping/internal/expression"
	"tapline.dev/schemas"
)

// Options are what an import's CleverTap account allows.
type Options struct {
	MaxEventProperties int  // 0 means CleverTap's default, 100
	Nested             bool // objects and lists as values
	// Retention is how long CleverTap keeps the account's events; 0 means that it
	// is not stated. Older ones are dropped after an answer of success.
	Retention time.Duration
}

// OptionsOf are an account's.
func OptionsOf(a schemas.CleverTapAccountSpec) Options {
	return Options{MaxEventProperties: a.MaxEventProperties, Nested: a.Nested, Retention: time.Duration(a.DataRetention)}
}

// Mapping is a compiled mapping: immutable and safe for concurrent use.
type Mapping struct {
	columns     columnSet
	identity    int // slot
	cleverTapID bool
	event       *event // nil for profiles
	properties  []property
	limit       int // of properties in a record
	restricted  restrictions
	hash        [16]byte
	leftOut     []string  // columns that are gone, whose lines are not in properties
	pool        sync.Pool // of *scratch
}

// event is how a record's name and time come about.
type event struct {
	rendered []byte // the static name as JSON; nil when a column has it
	charged  bool
	nameSlot int
	ts       *dateReader // nil: the run's clock
	tsSlot   int
	hasItems bool   // some property would be Charged's Items
	oldest   int64  // seconds before the clock that CleverTap keeps; 0 is not known
	policy   string // of what is older: send, skip, reject
}

// Reject is a row that becomes no record: why, and because of what. Reason is in
// words without the value.
type Reject struct {
	Code     string `json:"code"`
	Column   string `json:"column"`
	Property string `json:"property"`
	Reason   string `json:"reason"`
	// Skip means that the row is left out on purpose and not for a mistake.
	Skip bool `json:"skip,omitempty"`
}

// scratch is what one call of Map needs; it is pooled.
type scratch struct {
	tokens []token
	exact  []bool   // slot found under its exact name
	order  []member // of the first row read
	text   []byte
	value  []byte
	id     []byte
	fold   []byte
	env    map[string]any
	budget expression.Budget // of the row's expressions
}

// member remembers which slot a row's member went to: rows of one import name
// their columns in one order, so the next row's member at this place is likely
// the same.
type member struct {
	head []byte // how it begins: "name":
	slot int    // -1: the mapping does not read it
}

// maxMembers bounds what a scratch remembers.
const maxMembers = 1000

// Columns lists the columns that the mapping reads, in the order of first use,
// spelled as the query spells them if Compile was given its columns.
func (m *Mapping) Columns() []string {
	return append([]string(nil), m.columns.names...)
}

// Hash identifies what the mapping does to a row: equal hashes, equal records.
func (m *Mapping) Hash() [16]byte { return m.hash }

// LeftOut are the columns that are gone and whose lines were left out.
func (m *Mapping) LeftOut() []string { return m.leftOut }

// IdentityColumn is the column that names the user.
func (m *Mapping) IdentityColumn() string { return m.columns.names[m.identity] }

// Properties describes what a record can hold, in the order of the mapping.
func (m *Mapping) Properties() []PropertyInfo {
	infos := make([]PropertyInfo, len(m.properties))
	for i := range m.properties {
		p := &m.properties[i]
		infos[i] = PropertyInfo{Column: p.column, Property: p.name, Type: p.typ}
	}
	return infos
}

// PropertyInfo is one line of a mapping. Type is empty when each value's own
// JSON form decides, because no columns were known.
type PropertyInfo struct {
	Column   string `json:"column,omitempty"`
	Property string `json:"property"`
	Type     string `json:"type,omitempty"`
}

// Type families of columns, by Snowflake's own names.
const (
	columnFixed   = "FIXED"
	columnReal    = "REAL"
	columnText    = "TEXT"
	columnBoolean = "BOOLEAN"
	columnDate    = "DATE"
	columnTime    = "TIME"
	columnNTZ     = "TIMESTAMP_NTZ"
	columnLTZ     = "TIMESTAMP_LTZ"
	columnTZ      = "TIMESTAMP_TZ"
	columnBinary  = "BINARY"
	columnVariant = "VARIANT"
	columnObject  = "OBJECT"
	columnArray   = "ARRAY"
)

// Types of properties.
const (
	typeString  = "string"
	typeInteger = "integer"
	typeLong    = "long"
	typeFloat   = "float"
	typeBoolean = "boolean"
	typeDate    = "date"
	typeObject  = "object"
	typeArray   = "array"
)

func newScratch(slots int) *scratch {
	return &scratch{tokens: make([]token, slots), exact: make([]bool, slots)}
}

// isEvent reports whether the spec is for events.
func isEvent(spec *schemas.ImportSpec) bool { return spec.Destination.Type == schemas.TypeEvent }
