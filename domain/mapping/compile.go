package mapping

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tapline.dev/domain/mapping/internal/expression"
	"tapline.dev/libs/jsonstring"
	"tapline.dev/schemas"
)

// Problem is a mistake in a mapping that shows without any row. Code stands in
// the catalogue, Path in the definition (spec.mapping[3].to).
type Problem struct {
	Code    string `json:"code"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

// Error is the path and the message.
func (p Problem) Error() string { return p.Path + ": " + p.Message }

// compiler collects a mapping and its problems.
type compiler struct {
	spec     *schemas.ImportSpec
	columns  []schemas.Column // nil: not known
	opts     Options
	m        *Mapping
	system   map[string]*systemProperty
	zone     *time.Location
	targets  map[string]string // folded name → path of its first use
	gone     []string          // columns whose lines are left out
	problems []Problem
	work     expression.Work // what the expressions cost together
}

// Compile checks what an import's destination, identity and mapping say, and
// returns the mapping, or every problem at once and no mapping.
//
// Columns are those of the query, in its order. Without them (nil) the JSON form
// of each value decides where a type is not named: a DATE is a text then.
func Compile(spec schemas.ImportSpec, columns []schemas.Column, opts Options) (*Mapping, []Problem) {
	return CompileContext(context.Background(), spec, columns, opts)
}

// CompileContext is Compile for definitions that somebody sends: what is left of
// the work when ctx ends is a problem of the definition.
func CompileContext(ctx context.Context, spec schemas.ImportSpec, columns []schemas.Column, opts Options) (*Mapping, []Problem) {
	c := &compiler{work: expression.Work{Ended: ctx.Err}, spec: &spec, columns: columns, opts: opts, system: systemProperties(), targets: map[string]string{}}
	return c.compile()
}

// CompileWithout is Compile that leaves out each line of the mapping that reads a
// column of gone which the query does not have. LeftOut names these columns. A mapping
// of which no line would be left has a problem, as from Compile.
func CompileWithout(spec schemas.ImportSpec, columns []schemas.Column, gone []string, opts Options) (*Mapping, []Problem) {
	c := &compiler{spec: &spec, columns: columns, opts: opts, system: systemProperties(), targets: map[string]string{}, gone: gone}
	return c.compile()
}

func (c *compiler) compile() (*Mapping, []Problem) {
	spec := c.spec
	c.m = &Mapping{
		columns:    columnSet{known: c.columns != nil, slots: map[string]int{}, folded: map[string]int{}},
		restricted: loadRestrictions(),
		limit:      maxProfileKeys,
	}
	c.zone = c.location("spec.timezone", spec.Timezone, time.UTC)
	c.compileIdentity()
	if isEvent(spec) {
		c.m.limit = c.opts.MaxEventProperties
		if c.m.limit == 0 {
			c.m.limit = schemas.DefaultMaxEventProperties
		}
		c.compileEvent()
	}
	c.compileProperties()
	c.checkLimit()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	c.m.hash = c.hash()
	return c.m, nil
}

func (c *compiler) problem(code, path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Code: code, Path: path, Message: fmt.Sprintf(format, args...)})
}

// location loads a zone by its IANA name; an empty name means the default.
func (c *compiler) location(path, name string, def *time.Location) *time.Location {
	if name == "" {
		return def
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		c.problem(codeTimezoneUnknown, path, "%q is no time zone such as Europe/Berlin or UTC", name)
		return def
	}
	if zone.String() == "UTC" || name == "Etc/UTC" {
		return time.UTC
	}
	return zone
}

// column finds a column and gives it a slot; col is nil if columns are not known.
func (c *compiler) column(path, name string) (slot int, col *schemas.Column, ok bool) {
	if name == "" {
		c.problem(codeRequired, path, "name a column")
		return 0, nil, false
	}
	if c.columns == nil {
		return c.m.columns.slot(name), nil, true
	}
	col, code, message := findColumn(c.columns, name)
	if col == nil {
		c.problem(code, path, "%s", message)
		if code == codeColumnMissing {
			c.leaveOut(path, name)
		}
		return 0, nil, false
	}
	return c.m.columns.slot(col.Name), col, true
}

func (c *compiler) compileIdentity() {
	id := c.spec.Identity
	switch id.Kind {
	case "", schemas.KindIdentity:
	case schemas.KindCleverTapID:
		c.m.cleverTapID = true
	default:
		c.problem(codeValueInvalid, "spec.identity.kind", "%q is neither identity nor clevertapId", id.Kind)
	}
	slot, col, ok := c.column("spec.identity.column", id.Column)
	if !ok {
		return
	}
	c.m.identity = slot
	if col == nil {
		return
	}
	f := family(col.Type)
	if f != columnText && f != columnVariant && (f != columnFixed || col.Scale != 0) {
		c.problem(codeTypeUnfit, "spec.identity.column", "an identity comes from a text or a NUMBER without decimals; %s is %s", col.Name, describe(col))
	}
}

// describe writes a column's type as SQL does.
func describe(col *schemas.Column) string {
	if family(col.Type) == columnFixed && col.Precision > 0 {
		return fmt.Sprintf("NUMBER(%d,%d)", col.Precision, col.Scale)
	}
	return col.Type
}

func (c *compiler) compileEvent() {
	const path = "spec.destination.event"
	spec := c.spec.Destination.Event
	if spec == nil {
		c.problem(codeRequired, path, "an event import names its event: event: {name: Purchase} or {nameColumn: EVENT}")
		return
	}
	e := &event{}
	c.m.event = e
	switch {
	case spec.Name != "" && spec.NameColumn != "":
		c.problem(codeConflict, path, "give name or nameColumn, not both")
	case spec.NameColumn != "":
		c.compileNameColumn(path+".nameColumn", spec.NameColumn)
	default:
		if f := c.m.restricted.checkEventName([]byte(spec.Name), []byte(fold(spec.Name))); !f.none() {
			c.problem(f.code, path+".name", "%s", f.reason)
		}
		e.rendered = jsonstring.Append(nil, []byte(spec.Name))
		e.charged = fold(spec.Name) == chargedEvent
	}
	e.oldest, e.policy = int64(c.opts.Retention/time.Second), c.spec.Destination.OnOutsideRetention
	c.word("spec.destination.onOutsideRetention", e.policy, schemas.RetentionSend, schemas.RetentionSkip, schemas.RetentionReject)
	if e.oldest == 0 && (e.policy == schemas.RetentionSkip || e.policy == schemas.RetentionReject) {
		c.problem(codeConflict, "spec.destination.onOutsideRetention", "the account does not state its dataRetention; write it there, such as dataRetention: 365d")
	}
	if spec.CreatedOn != nil {
		c.compileCreatedOn(path+".createdOn", spec.CreatedOn)
	}
}

func (c *compiler) compileNameColumn(path, name string) {
	slot, col, ok := c.column(path, name)
	if !ok {
		return
	}
	c.m.event.nameSlot = slot
	if col == nil {
		return
	}
	if f := family(col.Type); f != columnText && f != columnVariant && f != columnFixed {
		c.problem(codeTypeUnfit, path, "an event name comes from a text; %s is %s", col.Name, describe(col))
	}
}

func (c *compiler) compileCreatedOn(path string, on *schemas.CreatedOn) {
	slot, col, ok := c.column(path+".column", on.Column)
	date := c.dateReader(path, on.Format, on.Timezone, col)
	if !ok {
		return
	}
	c.m.event.tsSlot = slot
	c.m.event.ts = date
	if col != nil && !canBecome(family(col.Type), typeDate, date.layout.epoch != 0) {
		c.unfitDate(path+".column", col)
	}
}

func (c *compiler) unfitDate(path string, col *schemas.Column) {
	if f := family(col.Type); f == columnFixed || f == columnReal {
		c.problem(codeTypeUnfit, path, "%s is %s; a number is a date only with format: epochSeconds or epochMillis", col.Name, describe(col))
		return
	}
	c.problem(codeTypeUnfit, path, "%s is %s, which is no date", col.Name, describe(col))
}

// dateReader compiles a format and a zone for a column, nil if it is not known.
func (c *compiler) dateReader(path, format, timezone string, col *schemas.Column) *dateReader {
	d := &dateReader{zone: c.location(path+".timezone", timezone, c.zone), acceptsISO: true}
	if format == "" {
		return d
	}
	var ok bool
	if d.layout, ok = parseLayout(format); !ok {
		c.problem(codeFormatUnknown, path+".format", "%q is no known date format; known are %s", format, strings.Join(Formats(), ", "))
		return d
	}
	if col == nil {
		return d
	}
	f := family(col.Type)
	if f == columnDate || isTimestamp(f) {
		c.problem(codeFormatForbidden, path+".format", "%s is %s and takes no format", col.Name, describe(col))
	}
	// A text column's values have the format and no other form.
	d.acceptsISO = f == columnVariant
	return d
}

// checkLimit finds records that are too large whatever the rows hold.
func (c *compiler) checkLimit() {
	always := 0
	for i := range c.m.properties {
		if p := &c.m.properties[i]; p.custom && (p.constant != nil || p.onNull == nullDefault && !p.omit) {
			always++
		}
	}
	if always > c.m.limit {
		c.problem(codeTooManyProperties, "spec.mapping", "every record would have %d properties, CleverTap takes %d", always, c.m.limit)
	}
}
