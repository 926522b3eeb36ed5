package mapping

import (
	"bytes"
	"encoding/json"
	"strconv"

	"tapline.dev/domain/mapping/internal/expression"
	"tapline.dev/libs/jsonstring"
)

// Step is what one part of a mapping made of a row: the identity, an event's name and
// time, then each line.
type Step struct {
	// Line is the index of the line in the definition; -1 for identity, name and time.
	Line     int
	Property string
	Column   string
	// Before is the value that it was made from: the column's, or what the expression
	// gave. It is nil if there was none.
	Before json.RawMessage
	// After is what the record holds; nil if it holds nothing of it.
	After  json.RawMessage
	Result string
	// Code and Reason say why a value was left out or rejected.
	Code, Reason string
}

// What became of a value.
const (
	StepSet      = "set"
	StepNull     = "null"             // NULL, which leaves the property out
	StepDefault  = "default"          // NULL, in place of which the definition names a value
	StepConstant = "constant"         // the definition's own value
	StepOmitted  = "omitted"          // invalid, which onInvalid leaves out
	StepRejected = "rejected"         // invalid, so that the row was rejected
	StepTooOld   = "outsideRetention" // an event's time, so that the row was skipped
)

// Trace maps a row as Map does and says what each part made of it. It goes on after a
// check that failed, and the first of the rejects is the one that Map gives.
func (m *Mapping) Trace(row []byte, clock int64) (steps []Step, rejects []Reject) {
	s := newScratch(len(m.columns.names))
	if f := m.read(row, s); !f.none() {
		return nil, []Reject{{Code: f.code, Reason: f.reason}}
	}
	s.budget = expression.NewBudget()
	b := builder{m: m, s: s, all: true}
	steps = append(steps, b.traceIdentity())
	if m.event != nil {
		steps = append(steps, b.traceEvent(clock)...)
	}
	for i := range m.properties {
		steps = append(steps, b.traceLine(i))
	}
	whole := m.mapRow(nil, row, clock, true)
	return steps, whole.rejects
}

func (b *builder) traceIdentity() Step {
	step := Step{Line: -1, Property: "identity", Column: b.m.columns.names[b.m.identity], Before: b.s.tokens[b.m.identity].json(), Result: StepSet}
	if b.m.cleverTapID {
		step.Property = "objectId"
	}
	before := len(b.rejects)
	b.identity()
	if len(b.rejects) > before {
		return step.failed(b.rejects[before])
	}
	step.After = jsonstring.Append(nil, b.s.id)
	return step
}

func (b *builder) traceEvent(clock int64) []Step {
	e := b.m.event
	name := Step{Line: -1, Property: "evtName", Result: StepConstant, After: bytes.Clone(e.rendered)}
	if e.rendered == nil {
		name.Column, name.Before, name.Result = b.m.columns.names[e.nameSlot], b.s.tokens[e.nameSlot].json(), StepSet
		text, f := b.eventName(e)
		if !f.none() {
			name = name.failed(Reject{Code: f.code, Reason: f.reason})
		} else {
			name.After = bytes.Clone(text)
		}
	}
	at := Step{Line: -1, Property: "ts", Result: StepConstant, After: strconv.AppendInt(nil, clock, 10)}
	if e.ts == nil {
		return []Step{name, at}
	}
	at.Column, at.Before, at.Result, at.After = b.m.columns.names[e.tsSlot], b.s.tokens[e.tsSlot].json(), StepSet, nil
	seconds, f := b.createdOn(e)
	if f.none() {
		f = b.age(e, seconds, clock)
	}
	switch {
	case !f.none() && b.skip:
		at.Result, at.Code, at.Reason = StepTooOld, f.code, f.reason
	case !f.none():
		at = at.failed(Reject{Code: f.code, Reason: f.reason})
	default:
		at.After = strconv.AppendInt(nil, seconds, 10)
	}
	b.skip = false
	return []Step{name, at}
}

func (b *builder) traceLine(i int) Step {
	p := &b.m.properties[i]
	step := Step{Line: i, Property: p.name, Column: p.column, Result: StepSet}
	if p.constant != nil {
		step.Result, step.After = StepConstant, bytes.Clone(p.constant)
		return step
	}
	t, f := p.source(b.s)
	if f.none() {
		step.Before = t.json()
	}
	out, f := p.appendTo(nil, b.s)
	switch {
	case !f.none() && p.omit && f.code != codeNullRejected:
		step.Result, step.Code, step.Reason = StepOmitted, f.code, f.reason
		return step
	case !f.none():
		return step.failed(Reject{Code: f.code, Reason: f.reason})
	case len(out) == 0:
		step.Result = StepNull
		return step
	case step.Before == nil:
		step.Result = StepDefault
	}
	step.After = bytes.Clone(out[len(p.fragment):])
	return step
}

func (s Step) failed(r Reject) Step {
	s.Result, s.Code, s.Reason = StepRejected, r.Code, r.Reason
	return s
}

// json is the token as it stands in the row; nil for NULL and for what is not there.
func (t token) json() json.RawMessage {
	switch t.kind {
	case kindAbsent, kindNull:
		return nil
	case kindText:
		return append(append([]byte{'"'}, t.raw...), '"')
	}
	return bytes.Clone(t.raw)
}
