package extractor

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/delivered"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
)

// again makes the active run a resend of runs that have loaded n records.
func again(w *world, first, last int, n int64) func(*schemas.ActiveRun) {
	since := w.state.Active.StartedAt
	return func(a *schemas.ActiveRun) {
		a.Mode, a.WatermarkFrom = schemas.ModeResend, ""
		a.Runs = &schemas.RunSpan{First: first, Last: last, Since: since, Loaded: n}
	}
}

// values are the rows that the active attempt has written, sorted.
func (w *world) values() []string {
	var out []string
	for _, value := range w.rows() {
		out = append(out, value)
	}
	slices.Sort(out)
	return out
}

// TestAResendOfEvents: exactly the events that were loaded, each as often as it was, and
// after an abandoned attempt those that it had not loaded.
func TestAResendOfEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(6)...)
	createdOn := func(a *schemas.ActiveRun) {
		events(a)
		a.Spec.Destination.Event.CreatedOn = &schemas.CreatedOn{Column: "AT"}
	}
	s := w.start()
	w.next(1, createdOn)
	w.extract(s)
	w.load(w.mapRows(nil), 1, 2, 5)
	w.interrupt(3)
	resend := again(w, 1, 1, 3)
	w.next(2, createdOn)
	w.extract(s)
	w.load(w.mapRows(nil), 3)
	w.next(3, func(a *schemas.ActiveRun) { createdOn(a); resend(a) })
	w.extract(s)
	for _, r := range w.reports() {
		if r.Abandoned != nil {
			t.Fatalf("abandoned: %+v", r.Abandoned)
		}
	}
	w.wantFinal("the resend", schemas.Extraction{Read: 3, Extracted: 3})
	first := w.mapRows(nil)
	w.load(first, first[0].seq)
	w.state.Active.Attempt = 2
	w.write()
	w.extract(s)
	w.wantFinal("its next attempt", schemas.Extraction{Read: 3, Extracted: 2, Unchanged: 1})
}

// TestAResendOfProfiles: of each identity that the runs have loaded the newest version
// that was sent, also by a later run, and of no other.
func TestAResendOfProfiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(4)...)
	s := w.start()
	w.next(1, nil)
	w.extract(s)
	w.load(w.mapRows(nil), 1, 2)
	resend := again(w, 1, 1, 2)
	w.db.rows[0].email, w.db.rows[0].at = "newest@example.com", at(-1)
	w.next(2, nil)
	w.extract(s)
	w.load(w.mapRows(nil), 1)
	w.next(3, resend)
	w.extract(s)
	f := w.last(schemas.ReportFinal).Final
	if f.Extracted != 2 || f.Ledger != nil {
		t.Errorf("final %+v", f)
	}
	if got := w.values(); len(got) != 2 || !strings.Contains(strings.Join(got, "\n"), "newest@example.com") {
		t.Errorf("sent %v", got)
	}
}

// TestAResendIsExactOrNothing: rows that Kafka no longer has, or has in another form, are
// not sent in part.
func TestAResendIsExactOrNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		loaded int64
		edit   func(*schemas.ActiveRun)
	}{
		"a record is gone":     {loaded: 3},
		"no runs are named":    {loaded: 2, edit: func(a *schemas.ActiveRun) { a.Runs = nil }},
		"a later run is named": {loaded: 2, edit: func(a *schemas.ActiveRun) { a.Runs.Last = 2 }},
		"its column is missing": {loaded: 2, edit: func(a *schemas.ActiveRun) {
			a.Spec.Mapping = append(slices.Clone(a.Spec.Mapping), schemas.Property{From: "NOT_READ", To: "x"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(4)...)
			s := w.start()
			w.next(1, nil)
			w.extract(s)
			records := w.mapRows(nil)
			w.load(records, 1, 2)
			resend := again(w, 1, 1, c.loaded)
			w.next(2, func(a *schemas.ActiveRun) {
				resend(a)
				if c.edit != nil {
					c.edit(a)
				}
			})
			w.extract(s)
			if r := w.last(schemas.ReportAbandoned); r.Abandoned == nil || !r.Abandoned.Permanent {
				t.Errorf("the resend was not refused: %+v", r)
			}
			if got := w.values(); len(got) != 0 {
				t.Errorf("sent %v", got)
			}
		})
	}
}

// TestAResendWhoseRowsAreDeletedMeanwhile: rows that were there when the resend began are
// gone, at the end of the partition or before other rows.
func TestAResendWhoseRowsAreDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(4)...)
	w.next(1, nil)
	w.extract(w.start())
	topic := w.topics.Rows(importName)
	var below kafka.TP
	for p := range int32(3) {
		tp := kafka.TP{Topic: topic, Partition: p}
		if end, err := w.reader.EndOffset(t.Context(), tp); err == nil && end > 1 {
			below = tp
		}
	}
	if err := kafka.Truncate(t.Context(), w.cfg.Kafka, kafkatest.Deps(), map[kafka.TP]int64{below: 1}); err != nil {
		t.Fatal(err)
	}
	again(w, 1, 1, 4)(w.state.Active)
	for name, offsets := range map[string][]int64{"the last": {1, 99}, "the first": {0, 1}} {
		rows := make(chosen, 3)
		rows[below.Partition] = offsets
		y := &resend{reader: w.reader, topics: w.topics, journal: &journal.Journal{}, attempt: attempt.Attempt{Import: importName, Run: *w.state.Active}}
		y.attempt.Run.Number = 2
		var failed *failure.Error
		if err := y.sendAll(t.Context(), rows, delivered.Loaded{}); !errors.As(err, &failed) || failed.Code != failure.CodeRowsGone || !failed.Permanent {
			t.Errorf("%s row is gone: %v", name, err)
		}
	}
}

// TestAResendOfARecordAsItWasSent is refused: what the replay wrote into the rows topic is
// a record, which no mapping fits.
func TestAResendOfARecordAsItWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(3)...)
	s := w.start()
	w.next(1, events)
	w.extract(s)
	refs := w.refuse(schemas.StageLoad, "ambiguous", nil, 2)
	w.replaying(2, events, schemas.ReplayAsSent, schemas.RejectSelection{Refs: refs})
	w.extract(s)
	w.load(w.mapRows(nil), 1)
	resend := again(w, 2, 2, 1)
	w.next(3, func(a *schemas.ActiveRun) { events(a); resend(a) })
	w.extract(s)
	if r := w.last(schemas.ReportAbandoned); r.Abandoned == nil || !r.Abandoned.Permanent {
		t.Errorf("the resend was not refused: %+v", r)
	}
	if got := w.values(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

// TestAResendOfAReplayKeepsTheTimeOfAnEvent: an event without Created On was replayed with
// the time of the run that rejected it, and has it in the resend too.
func TestAResendOfAReplayKeepsTheTimeOfAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(3)...)
	s := w.start()
	w.next(1, events)
	w.extract(s)
	refs := w.refuse(schemas.StageMap, "email_invalid", nil, 2)
	w.replaying(2, events, schemas.ReplayMapped, schemas.RejectSelection{Refs: refs})
	w.extract(s)
	clock := w.clocks()
	w.load(w.mapRows(nil), 1)
	resend := again(w, 2, 2, 1)
	w.next(3, func(a *schemas.ActiveRun) { events(a); resend(a) })
	w.extract(s)
	if diff := cmp.Diff(clock, w.clocks()); diff != "" || len(clock) != 1 || clock[0] == 0 {
		t.Errorf("times of the replay's events %v (-replay +resend):\n%s", clock, diff)
	}
}

// clocks are the times that the active attempt's rows carry, 0 for none.
func (w *world) clocks() (clocks []int64) {
	w.t.Helper()
	a := w.state.Active
	for p := range int32(3) {
		w.read(w.topics.Rows(importName), p, func(r *kafka.Record) {
			if id, _ := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID)); id.Number == a.Number && id.Attempt == a.Attempt {
				clocks = append(clocks, schemas.ParseClock(kafka.HeaderValue(r, schemas.HeaderClock)))
			}
		})
	}
	return clocks
}
