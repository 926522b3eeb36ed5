package book

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/schemas"
)

// compareDefinition begins a new epoch if the definition reads other rows than
// the one before, or sends them elsewhere: what was read so far says nothing about
// them. An import that has stored events would store them again, so its epoch
// begins only when a person has approved that.
func (b *Book) compareDefinition(ctx context.Context, e *entry, source string, now time.Time) {
	s := e.state
	switch {
	case s.SourceHash == source:
		if p := s.Pending; p != nil && p.SourceHash != source {
			s.Pending = nil // the change was taken back
			b.changed(e, now)
		}
	case s.SourceHash == "":
		s.SourceHash = source
		s.Events, s.Unfinished = nil, 0
		b.newEpoch(e, now)
	case s.SourceHash == sourceHashBefore(e.def.Spec):
		// The state is of a scheduler that compared less. What it finds is taken
		// over: an upgrade reloads nothing.
		s.SourceHash = source
		if e.def.Spec.Destination.Type == schemas.TypeEvent && s.Events == nil && s.LastNumber > 0 {
			s.Events = &schemas.EventCount{AtLeast: true}
		}
		b.changed(e, now)
	case repeats(e, e.def.Spec):
		if s.Pending == nil || s.Pending.SourceHash != source {
			s.Pending = &schemas.PendingEpoch{SourceHash: source, Reason: "the definition reads other rows or sends them elsewhere"}
			b.changed(e, now)
		}
	default:
		b.log.InfoContext(ctx, "a changed definition begins a new epoch", slog.String("import", e.name), slog.Int("epoch", s.Epoch+1))
		s.SourceHash = source
		b.newEpoch(e, now)
	}
}

// repeats tells whether reading everything again would store events a second
// time.
func repeats(e *entry, spec schemas.ImportSpec) bool {
	n := e.state.Events
	return spec.Destination.Type == schemas.TypeEvent && n != nil && (n.Stored > 0 || n.AtLeast)
}

// newEpoch forgets the watermark: the next run reads everything.
func (b *Book) newEpoch(e *entry, now time.Time) {
	s := e.state
	s.Epoch++
	s.Watermark, s.Frame, s.Ledger, s.Columns, s.Place, s.Pending = "", "", nil, nil, nil, nil
	s.Loaded, s.OpenRejects, s.Dismissed = 0, 0, 0
	b.changed(e, now)
}

// reset begins a new epoch. Of an import that has stored events, somebody must
// have agreed to as many repetitions as there can be.
func (b *Book) reset(e *entry, c schemas.Command, now time.Time) {
	if repeats(e, e.def.Spec) && (c.Repeats == nil || *c.Repeats < e.state.Events.Stored) {
		e.state.Pending = &schemas.PendingEpoch{SourceHash: e.state.SourceHash, Reset: true, Reason: "the import was reset"}
		b.changed(e, now)
		return
	}
	b.newEpoch(e, now)
}

// hashVersion begins the hashes of this scheduler. Those of before have no such
// beginning and cover less.
const hashVersion = "v2:"

// sourceHash covers what decides which rows exist, in which order they come and
// where they go: query, cursor, identity, connection, account, type and event.
// Lookback, future and the policy for NULL are not in it: they widen or narrow a
// window, and the mark stays what it was.
func sourceHash(spec schemas.ImportSpec) string {
	d := spec.Destination
	place := struct {
		Before, Connection, Account, Type, Event, EventColumn string
	}{Before: sourceHashBefore(spec), Connection: spec.Source.ConnectionRef, Account: d.AccountRef, Type: d.Type}
	if d.Event != nil {
		place.Event, place.EventColumn = d.Event.Name, d.Event.NameColumn
	}
	return hashVersion + hash(place)
}

// sourceHashBefore covers query, cursor and identity only.
func sourceHashBefore(spec schemas.ImportSpec) string {
	source := struct {
		Query, Table, Column, Expr, Epoch, Timezone, Coalesce string
		Identity                                              schemas.Identity
	}{Query: spec.Source.Query, Table: spec.Source.Table, Identity: spec.Identity}
	if c := spec.Source.Cursor; c != nil {
		source.Column, source.Expr, source.Epoch, source.Coalesce = c.Column, c.Expr, c.Epoch, c.Nulls.Coalesce
		source.Timezone = c.Timezone
	}
	return hash(source)
}
