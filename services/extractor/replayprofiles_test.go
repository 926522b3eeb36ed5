package extractor

import (
	"context"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/snowflake"
)

// TestAReplayOfProfiles: people are read again, a thousand in a statement, and what is sent
// is what Snowflake has now, whatever the reject holds. Nobody is left uncounted.
func TestAReplayOfProfiles(t *testing.T) {
	t.Parallel()
	const people = 2500
	rows := customers(people)
	for i := range rows {
		rows[i].at = at(-i - 10)
	}
	w := newWorld(t, rows...)
	w.db.chunkRows = 400
	s := w.start()
	w.next(1, nil)
	w.extract(s)
	var seqs []int64
	for i := range int64(people) {
		seqs = append(seqs, i+1)
	}
	w.refuse(schemas.StageMap, "date_format", nil, seqs...)
	w.refuse(schemas.StageLoad, "date_format", nil, seqs[:10]...) // of the same people
	w.refuse(schemas.StageMap, "date_format", func(r *schemas.Reject) { r.Identity, r.Row = "", nil }, 1)
	for i := range w.db.rows {
		w.db.rows[i].email = "newest@example.com"
	}
	w.db.rows = w.db.rows[3:]
	statements, failed := len(w.db.statements), false
	w.db.onQuery = func(context.Context, string, func(string)) error {
		if len(w.db.statements) == statements+2 && !failed {
			failed = true
			return &snowflake.Error{Code: snowflake.CodeUnreachable, Reason: "away"}
		}
		return nil
	}
	w.replaying(2, nil, schemas.ReplayMapped, schemas.RejectSelection{})
	w.extract(s)
	e := w.last(schemas.ReportFinal).Final.Extraction
	if e.Taken != people+10 || e.Read < people || e.Extracted < people-3 || e.Skipped[schemas.SkipGone] != 3 || e.Refused[schemas.RefusedNoIdentity] != 1 || e.Read != e.Extracted+3 {
		t.Errorf("counts %+v", e)
	}
	if n := len(w.db.statements) - statements; n != 4 || !failed {
		t.Errorf("%d statements for %d people, of which one failed", n, people)
	}
	sent := w.rows()
	for id, row := range sent {
		if !strings.Contains(row, "newest@example.com") {
			t.Errorf("row %s is an old version: %s", id, row)
		}
	}
	if int64(len(sent)) != e.Extracted {
		t.Errorf("%d rows, %d are counted", len(sent), e.Extracted)
	}
	if started := w.lastStarted(); started.Total != e.Read {
		t.Errorf("the start says %d rows, and %d were read", started.Total, e.Read)
	}
	w.db.onQuery = nil
	w.replaying(3, nil, schemas.ReplayMapped, schemas.RejectSelection{})
	w.extract(s)
	w.nothingTaken("already_replayed")
}

func (w *world) lastStarted() (s schemas.Started) {
	for _, r := range w.reports() {
		if r.Started != nil {
			s = *r.Started
		}
	}
	return s
}

// TestADeclinedReplay sends nothing and settles the rejects.
func TestADeclinedReplay(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*schemas.ActiveRun){nil, events} {
		w := newWorld(t, customers(3)...)
		s := w.start()
		w.next(1, change)
		w.extract(s)
		refs := w.refuse(schemas.StageLoad, "ambiguous", nil, 2)
		w.replaying(2, change, schemas.ReplayDeclined, schemas.RejectSelection{Refs: refs})
		w.extract(s)
		w.wantTaken("the decision", refs)
		if e := w.last(schemas.ReportFinal).Final.Extraction; e.Read != 1 || e.Skipped[schemas.SkipDeclined] != 1 || len(w.replayed()) != 0 {
			t.Errorf("counts %+v", e)
		}
		w.replaying(3, change, schemas.ReplayMapped, schemas.RejectSelection{Refs: refs})
		w.extract(s)
		w.nothingTaken("1: already_replayed")
	}
}

// TestAReplayKeepsTheTimeOfAnEvent: an event without Created On has the time of the run
// that rejected it, also when it is replayed twice.
func TestAReplayKeepsTheTimeOfAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(1)...)
	s := w.start()
	clock := w.db.clock.Unix()
	w.next(1, events)
	w.extract(s)
	w.refuse(schemas.StageMap, "date_format", nil, 1)
	for n := 2; n <= 3; n++ {
		w.db.clock = w.db.clock.Add(time.Hour)
		w.replaying(n, events, schemas.ReplayMapped, schemas.RejectSelection{})
		w.extract(s)
		w.mapRows(func(r *kafka.Record) {
			if got := schemas.ParseClock(kafka.HeaderValue(r, schemas.HeaderClock)); got != clock {
				t.Errorf("replay %d: the event is of %d, want %d", n, got, clock)
			}
		})
		w.refuse(schemas.StageMap, "date_format", nil, 1)
	}
}
