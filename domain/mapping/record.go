package mapping

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"tapline.dev/domain/mapping/internal/expression"
	"tapline.dev/libs/jsonstring"
)

// Map appends the record of one row to dst: the exact bytes for CleverTap. A row
// that fails a check gives dst as it was and one reject, for the first check
// that failed. ClockSeconds is the run's clock, the time of an event whose
// mapping names none.
func (m *Mapping) Map(dst, row []byte, clockSeconds int64) (record []byte, rejects []Reject) {
	record, rejects, _ = m.MapAged(dst, row, clockSeconds)
	return record, rejects
}

// MapAged is Map for a run, which also counts events by their age: the code of a note
// that a dry run would make on the time of an event that is sent, or "".
func (m *Mapping) MapAged(dst, row []byte, clockSeconds int64) (record []byte, rejects []Reject, age string) {
	b := m.mapRow(dst, row, clockSeconds, false)
	return b.out, b.rejects, b.noted
}

// MapAll is Map for a dry run: it reports every check that failed. Omitted are
// those that reject nothing, because onInvalid leaves the property out.
func (m *Mapping) MapAll(dst, row []byte, clockSeconds int64) (record []byte, rejects, omitted []Reject) {
	b := m.mapRow(dst, row, clockSeconds, true)
	return b.out, b.rejects, b.omitted
}

// mapRow returns the builder with the record, or with dst as it was and the rejects.
func (m *Mapping) mapRow(dst, row []byte, clock int64, all bool) builder {
	s, ok := m.pool.Get().(*scratch)
	if !ok {
		s = newScratch(len(m.columns.names))
	}
	defer m.pool.Put(s)
	if f := m.read(row, s); !f.none() {
		return builder{out: dst, rejects: []Reject{{Code: f.code, Reason: f.reason}}}
	}
	s.budget = expression.NewBudget()
	b := builder{m: m, s: s, out: dst, all: all}
	if b.identity() && b.event(clock) {
		b.properties()
	}
	if len(b.rejects) > 0 {
		b.out, b.noted = dst, ""
	}
	return b
}

// read finds the mapping's columns in the row.
func (m *Mapping) read(row []byte, s *scratch) fault {
	clear(s.tokens)
	unreadable := fault{codeRowUnreadable, "the row is not a JSON object in UTF-8"}
	scan := rowScanner{b: row}
	if !utf8.Valid(row) || !scan.open() {
		return unreadable
	}
	if !m.columns.known {
		clear(s.exact)
	}
	for i := 0; ; i++ {
		var expected member
		if i < len(s.order) {
			expected = s.order[i]
		}
		key, value, known, more, ok := scan.next(expected.head)
		if !ok {
			return unreadable
		}
		if !more {
			return fault{}
		}
		if known {
			if expected.slot >= 0 {
				s.tokens[expected.slot] = value
				s.exact[expected.slot] = true
			}
			continue
		}
		name := key.raw
		if key.escaped {
			if s.text, ok = appendUnescaped(s.text[:0], key.raw); !ok {
				continue
			}
			name = s.text
		}
		at := m.slotOf(i, name, s)
		if at >= 0 {
			s.tokens[at] = value
			s.exact[at] = true
			continue
		}
		if !m.columns.known {
			if f := m.readFolded(name, value, s); !f.none() {
				return f
			}
		}
	}
}

// slotOf finds the slot of a row's i-th member, -1 if the mapping does not read it.
func (m *Mapping) slotOf(i int, name []byte, s *scratch) int {
	at, ok := m.columns.slots[string(name)]
	if !ok {
		at = -1
	}
	// A column that is matched without regard to case has no head: it is looked at in
	// every row.
	if i == len(s.order) && i < maxMembers {
		next := member{slot: at}
		if ok || m.columns.known {
			next.head = append(jsonstring.Append(nil, name), ':')
		}
		s.order = append(s.order, next)
	}
	return at
}

// readFolded matches a name without regard to case, for rows whose columns are
// not known.
func (m *Mapping) readFolded(name []byte, value token, s *scratch) fault {
	at, ok := m.columns.folded[strings.ToLower(string(name))]
	if !ok || s.exact[at] {
		return fault{}
	}
	if s.tokens[at].kind != kindAbsent {
		return fault{codeColumnAmbiguous, "the row has several columns whose names differ in case only"}
	}
	s.tokens[at] = value
	return fault{}
}

// builder makes one record.
type builder struct {
	m       *Mapping
	s       *scratch
	out     []byte
	all     bool
	rejects []Reject
	omitted []Reject
	skip    bool   // the next reject is a skip
	noted   string // the code of a note on the event's time
}

// reject notes a failed check and reports whether to go on.
func (b *builder) reject(f fault, column, property string) bool {
	b.rejects = append(b.rejects, Reject{Code: f.code, Column: column, Property: property, Reason: f.reason, Skip: b.skip})
	b.skip = false
	return b.all
}

func (b *builder) identity() bool {
	head := `{"type":"profile","identity":`
	switch {
	case b.m.event != nil && b.m.cleverTapID:
		head = `{"type":"event","objectId":`
	case b.m.event != nil:
		head = `{"type":"event","identity":`
	case b.m.cleverTapID:
		head = `{"type":"profile","objectId":`
	}
	b.out = append(b.out, head...)
	t := b.s.tokens[b.m.identity]
	text, f := appendIdentity(b.s.id[:0], t)
	b.s.id = text
	if f.none() {
		f = checkIdentity(text, b.m.cleverTapID)
	}
	if !f.none() {
		return b.reject(f, b.m.columns.names[b.m.identity], "")
	}
	if t.escaped {
		b.out = jsonstring.Append(b.out, text)
		return true
	}
	b.out = append(b.out, '"')
	b.out = append(b.out, text...)
	b.out = append(b.out, '"')
	return true
}

// event appends ts and the name. Both are checked, the name first.
func (b *builder) event(clock int64) bool {
	e := b.m.event
	if e == nil {
		b.out = append(b.out, `,"profileData":{`...)
		return true
	}
	name, f := b.eventName(e)
	if !f.none() && !b.reject(f, b.m.columns.names[e.nameSlot], "") {
		return false
	}
	if e.ts != nil {
		now := clock
		if clock, f = b.createdOn(e); f.none() {
			f = b.age(e, clock, now)
		}
		if !f.none() && !b.reject(f, b.m.columns.names[e.tsSlot], "") {
			return false
		}
	}
	b.out = append(b.out, `,"ts":`...)
	b.out = strconv.AppendInt(b.out, clock, 10)
	b.out = append(b.out, `,"evtName":`...)
	b.out = append(b.out, name...)
	b.out = append(b.out, `,"evtData":{`...)
	return true
}

// eventName returns the name as JSON.
func (b *builder) eventName(e *event) ([]byte, fault) {
	if e.rendered != nil {
		return e.rendered, fault{}
	}
	t := b.s.tokens[e.nameSlot]
	switch t.kind {
	case kindAbsent, kindNull:
		return nil, fault{codeEventNameMissing, "the event name is NULL"}
	case kindText, kindNumber:
	default:
		return nil, fault{codeEventNameInvalid, "the event name is not a text"}
	}
	text, ok := textOf(t, b.s)
	if !ok {
		return nil, fault{codeEventNameInvalid, "the event name is not a valid text"}
	}
	b.s.fold = appendFold(b.s.fold[:0], text)
	if f := b.m.restricted.checkEventName(text, b.s.fold); !f.none() {
		return nil, f
	}
	if e.hasItems && string(b.s.fold) == chargedEvent {
		return nil, fault{codePropertyRestricted, "Items of the event Charged cannot be imported"}
	}
	b.s.value = jsonstring.Append(b.s.value[:0], text)
	return b.s.value, fault{}
}

// maxTs keeps milliseconds out: CleverTap takes seconds of ten digits.
const maxTs = 9_999_999_999

func (b *builder) createdOn(e *event) (int64, fault) {
	t := b.s.tokens[e.tsSlot]
	if t.kind == kindAbsent || t.kind == kindNull {
		return 0, fault{codeTsInvalid, "Created On is NULL"}
	}
	text, ok := textOf(t, b.s)
	if !ok {
		return 0, badDate
	}
	seconds, f := e.ts.seconds(t, text)
	if f.none() && (seconds <= 0 || seconds > maxTs) {
		f = fault{codeTsInvalid, "Created On is not after 1970, or too far ahead"}
	}
	return seconds, f
}

func (b *builder) properties() {
	count, start := 0, len(b.out)
	for i := range b.m.properties {
		p := &b.m.properties[i]
		before := len(b.out)
		out, f := p.appendTo(b.out, b.s)
		if !f.none() {
			if p.omit && f.code != codeNullRejected {
				if b.all {
					b.omitted = append(b.omitted, Reject{Code: f.code, Column: p.column, Property: p.name, Reason: f.reason})
				}
				continue
			}
			if !b.reject(f, p.column, p.name) {
				return
			}
			continue
		}
		b.out = out
		if len(out) > before && p.custom {
			count++
		}
	}
	if count > b.m.limit {
		b.reject(fault{codeTooManyProperties, "the record has more properties than CleverTap takes"}, "", "")
		return
	}
	if len(b.out) > start { // the first property's comma
		b.out = append(b.out[:start], b.out[start+1:]...)
	}
	b.out = append(b.out, '}', '}')
}
