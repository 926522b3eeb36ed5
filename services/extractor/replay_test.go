package extractor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// refuse rejects rows of the active attempt at a stage, by their position, and returns
// where the rejects lie.
func (w *world) refuse(stage, code string, change func(*schemas.Reject), seqs ...int64) (refs []schemas.RejectRef) {
	w.t.Helper()
	a := w.state.Active
	for p := range int32(3) {
		w.read(w.topics.Rows(importName), p, func(r *kafka.Record) {
			id, _ := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID))
			if id.Number != a.Number || id.Attempt != a.Attempt || !slices.Contains(seqs, id.Seq) {
				return
			}
			reject := schemas.Reject{
				Stage: stage, Code: code, Import: importName, Run: a.Run, Attempt: a.Attempt, ID: id.String(), Time: time.Now().UTC(),
				Identity: string(r.Key), ReplayOf: schemas.ReplayOf(kafka.HeaderValue(r, schemas.HeaderReplayOf)), Clock: schemas.ParseClock(kafka.HeaderValue(r, schemas.HeaderClock)),
			}
			if reject.Row = r.Value; stage == schemas.StageLoad {
				reject.Row, reject.Record = nil, json.RawMessage(`{"as":"sent"}`)
			}
			if change != nil {
				change(&reject)
			}
			rec, err := control.Reject(w.topics.Rejects(), reject, "test")
			if err != nil {
				w.t.Fatal(err)
			}
			w.produce(rec)
			end, err := w.reader.EndOffset(w.t.Context(), kafka.TP{Topic: rec.Topic, Partition: rec.Partition})
			if err != nil {
				w.t.Fatal(err)
			}
			refs = append(refs, schemas.RejectRef{Partition: rec.Partition, Offset: end - 1})
		})
	}
	return refs
}

// replaying makes the n-th run a replay.
func (w *world) replaying(n int, change func(*schemas.ActiveRun), how string, s schemas.RejectSelection) {
	w.t.Helper()
	w.next(n, func(a *schemas.ActiveRun) {
		if change != nil {
			change(a)
		}
		a.Mode, a.WatermarkFrom, a.RecordsTopic = schemas.ModeReplay, "", w.recordsTopic()
		a.Replay = &schemas.Replay{Selection: s, How: how, FirstRun: 1}
	})
}

// replayed are the rejects that the active attempt's rows came of, by value.
func (w *world) replayed() map[schemas.RejectRef]string {
	w.t.Helper()
	out := map[schemas.RejectRef]string{}
	for p := range int32(3) {
		w.read(w.topics.Rows(importName), p, func(r *kafka.Record) {
			id, _ := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID))
			if id.Number != w.state.Active.Number || id.Attempt != w.state.Active.Attempt {
				return
			}
			ref := schemas.ReplayOf(kafka.HeaderValue(r, schemas.HeaderReplayOf))
			if ref == nil {
				w.t.Fatalf("row %s names no reject", id)
			}
			if _, twice := out[*ref]; twice {
				w.t.Errorf("reject %s was sent twice", ref)
			}
			out[*ref] = string(r.Value)
		})
	}
	return out
}

// taken are the offsets of the rejects that the active attempt reports as taken.
func (w *world) taken() (offsets []int64) {
	for _, r := range w.reports() {
		if r.Taken != nil {
			for _, s := range r.Taken.Refs {
				for o := s.From; o <= s.To; o++ {
					offsets = append(offsets, o)
				}
			}
		}
	}
	slices.Sort(offsets)
	return offsets
}

func (w *world) wantTaken(what string, want []schemas.RejectRef) {
	w.t.Helper()
	var offsets []int64
	for _, ref := range want {
		offsets = append(offsets, ref.Offset)
	}
	slices.Sort(offsets)
	if diff := cmp.Diff(offsets, w.taken()); diff != "" {
		w.t.Errorf("%s took other rejects (-want +got):\n%s", what, diff)
	}
	if e := w.last(schemas.ReportFinal).Final.Extraction; e.Taken != int64(len(want)) {
		w.t.Errorf("%s counts %d rejects as taken, want %d", what, e.Taken, len(want))
	}
}

// nothingTaken checks that the active attempt was refused as a whole.
func (w *world) nothingTaken(why string) {
	w.t.Helper()
	r := w.last(schemas.ReportAbandoned).Abandoned
	if r.Code != failure.CodeNothingToReplay || !r.Permanent || !strings.Contains(r.Reason, why) {
		w.t.Errorf("the replay ended as %+v, want a refusal for %s", r, why)
	}
	if rows := w.replayed(); len(rows) > 0 {
		w.t.Errorf("sent %v", rows)
	}
}

// TestAReplayOfEvents: the rows of the selected rejects are sent as Kafka has them, each
// once, and Snowflake is asked nothing. What cannot be sent exactly is counted by why.
func TestAReplayOfEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(9)...)
	s := w.start()
	w.next(1, events)
	w.extract(s)
	mapRejects := w.refuse(schemas.StageMap, "date_format", nil, 1, 2)
	w.refuse(schemas.StageMap, "unselected", nil, 3)
	mapRejects = append(mapRejects, w.refuse(schemas.StageMap, "date_format", nil, 4)...)
	tooLarge := w.refuse(schemas.StageMap, "date_format", func(r *schemas.Reject) { r.Row = nil }, 5)
	loadRejects := w.refuse(schemas.StageLoad, "date_format", nil, 6)
	w.refuse(schemas.StageExtract, "date_format", nil, 7)
	w.refuse(schemas.StageLoad, "ambiguous", nil, 8)
	statements := len(w.db.statements)
	w.replaying(2, events, schemas.ReplayMapped, schemas.RejectSelection{Code: "date_format"})
	w.extract(s)
	all := slices.Concat(mapRejects, tooLarge, loadRejects)
	w.wantTaken("the replay", all)
	rows := w.replayed()
	for _, ref := range all {
		if !strings.Contains(rows[ref], `"EMAIL":"canary-`) {
			t.Errorf("of %s came the row %q", ref, rows[ref])
		}
	}
	e := w.last(schemas.ReportFinal).Final.Extraction
	if e.Read != 5 || e.Extracted != 5 || len(rows) != 5 {
		t.Errorf("counts %+v, %d rows", e, len(rows))
	}
	if diff := cmp.Diff(map[string]int64{schemas.RefusedNoRow: 1}, e.Refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if len(w.db.statements) != statements {
		t.Errorf("Snowflake ran %d statements for a replay of events", len(w.db.statements)-statements)
	}
	w.replaying(3, events, schemas.ReplayMapped, schemas.RejectSelection{Code: "date_format"})
	w.extract(s)
	w.nothingTaken("5: already_replayed")
	w.replaying(4, events, schemas.ReplayMapped, schemas.RejectSelection{})
	w.extract(s)
	if e := w.last(schemas.ReportFinal).Final.Extraction; e.Read != 1 || e.Refused[schemas.RefusedAmbiguous] != 1 || e.Refused[schemas.RefusedReplayed] != 5 {
		t.Errorf("a replay of everything: %+v", e)
	}
	w.replaying(5, func(a *schemas.ActiveRun) { events(a) }, schemas.ReplayAsSent, schemas.RejectSelection{Code: "ambiguous"})
	w.extract(s)
	if rows := slices.Collect(maps.Values(w.replayed())); len(rows) != 1 || rows[0] != `{"as":"sent"}` {
		t.Errorf("as it was sent: %v", rows)
	}
}

// TestAReplayLeavesWhatIsReadAgain: the rows of a run that did not succeed are read by the
// next one, and those of an abandoned attempt by the next attempt. Events that a replay
// sent as well would be stored twice.
func TestAReplayLeavesWhatIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(6)...)
	s := w.start()
	ends := func(run, mode, state string, attempts int) {
		rec, err := control.Record(w.topics.Runs(), importName, importName, schemas.Run{Run: run, Import: importName, Mode: mode, State: state, Attempt: attempts}, schemas.EventRun(state), "test")
		if err != nil {
			t.Fatal(err)
		}
		w.produce(rec)
	}
	w.next(1, events)
	w.extract(s)
	w.refuse(schemas.StageMap, "date_format", nil, 1)
	w.state.Active.Attempt = 2
	w.write()
	w.extract(s)
	taken := w.refuse(schemas.StageMap, "date_format", nil, 1, 2)
	ends(w.state.Active.Run, schemas.ModeFull, schemas.StateSucceededWithRejects, 2)
	w.next(2, events)
	w.extract(s)
	w.refuse(schemas.StageMap, "date_format", nil, 3)
	ends(w.state.Active.Run, schemas.ModeIncremental, schemas.StateCancelled, 1)
	w.replaying(3, events, schemas.ReplayMapped, schemas.RejectSelection{})
	w.extract(s)
	w.wantTaken("the replay", taken)
	if diff := cmp.Diff(map[string]int64{schemas.RefusedReadAgain: 2}, w.last(schemas.ReportFinal).Final.Refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// TestAReplayIsHeld: a replay of more rejects than limits.hold allows sends nothing before
// a person has approved it, of events and of profiles. One that is declined asks nobody.
func TestAReplayIsHeld(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]func(*schemas.ActiveRun){"events": events, "profiles": func(*schemas.ActiveRun) {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(5)...)
			s := w.start()
			w.next(1, kind)
			w.extract(s)
			refs := w.refuse(schemas.StageMap, "date_format", nil, 1, 2, 3)
			limited := func(a *schemas.ActiveRun) {
				kind(a)
				checked(schemas.HoldLimits{Rows: 2})(a)
			}
			w.replaying(2, limited, schemas.ReplayMapped, schemas.RejectSelection{})
			w.extract(s)
			held := w.last(schemas.ReportHeld).Held
			if held.Rows != 3 || len(held.Figures) != 1 || held.Figures[0].Code != schemas.HoldTooManyRows || len(w.replayed()) != 0 {
				t.Fatalf("held: %+v, sent %v", held, w.replayed())
			}
			w.approve(3, held.Figures...)
			w.extract(w.start())
			w.wantTaken("the approved replay", refs)
			w.replaying(3, limited, schemas.ReplayDeclined, schemas.RejectSelection{Run: w.state.Active.Run})
			w.extract(s)
			w.nothingTaken("no reject matches")
		})
	}
}

// TestAReplayLeavesDismissedRejects: without a filter it takes those of later runs only,
// and with one that selects them it takes them.
func TestAReplayLeavesDismissedRejects(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(4)...)
	s := w.start()
	w.next(1, events)
	w.extract(s)
	dismissed := w.refuse(schemas.StageMap, "date_format", nil, 1, 2)
	w.next(2, func(a *schemas.ActiveRun) { events(a); a.Mode = schemas.ModeFull })
	w.extract(s)
	open := w.refuse(schemas.StageMap, "date_format", nil, 3)
	w.state.DismissedThrough = 1
	w.replaying(3, events, schemas.ReplayMapped, schemas.RejectSelection{})
	w.extract(s)
	w.wantTaken("a replay without a filter", open)
	w.replaying(4, events, schemas.ReplayMapped, schemas.RejectSelection{Run: "customers.1"})
	w.extract(s)
	w.wantTaken("a replay of their run", dismissed)
}

// TestAReplayOfOtherColumns: a row that was read without a column that is mapped now, or
// with another type of it, is not sent.
func TestAReplayOfOtherColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(4)...)
	s := w.start()
	w.next(1, events)
	w.extract(s)
	w.refuse(schemas.StageMap, "date_format", nil, 1)
	w.db.columns[1].Scale = 1
	w.next(2, func(a *schemas.ActiveRun) { events(a); a.Mode = schemas.ModeFull })
	w.extract(s)
	newer := w.refuse(schemas.StageMap, "date_format", nil, 2)
	w.replaying(3, events, schemas.ReplayMapped, schemas.RejectSelection{})
	w.extract(s)
	w.wantTaken("the replay", newer)
	if e := w.last(schemas.ReportFinal).Final.Extraction; e.Refused[schemas.RefusedColumnsGone] != 1 {
		t.Errorf("refused %v", e.Refused)
	}
	w.replaying(4, func(a *schemas.ActiveRun) {
		events(a)
		a.Spec.Mapping = append(slices.Clone(a.Spec.Mapping), schemas.Property{From: "NOT_READ", To: "x"})
	}, schemas.ReplayMapped, schemas.RejectSelection{Run: "customers.1"})
	w.extract(s)
	if r := w.last(schemas.ReportAbandoned).Abandoned; !r.Permanent || r.Code != failure.CodeColumnMissing {
		t.Errorf("the replay of rows without a mapped column ended as %+v", r)
	}
}

// TestAReplayThatDidNotSucceed: the next one takes what has no outcome yet, and sends
// nothing that was loaded or rejected again. So does the next attempt.
func TestAReplayThatDidNotSucceed(t *testing.T) {
	t.Parallel()
	for _, attempt := range []bool{false, true} {
		t.Run(fmt.Sprintf("attempt=%v", attempt), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(5)...)
			s := w.start()
			w.next(1, events)
			w.extract(s)
			refs := w.refuse(schemas.StageMap, "date_format", nil, 1, 2, 3, 4, 5)
			w.replaying(2, events, schemas.ReplayMapped, schemas.RejectSelection{})
			w.extract(s)
			records := w.mapRows(nil)
			w.load(records, 1, 3)
			again := w.refuse(schemas.StageLoad, "date_format", nil, 4)
			left := w.outcomeless(refs, 1, 3, 4)
			if attempt {
				w.state.Active.Attempt = 2
				w.write()
			} else {
				w.state.Replays = []schemas.InterruptedRun{{Number: 2, Attempts: 1, StartedAt: w.state.Active.StartedAt, RecordsTopic: w.recordsTopic(), Loaded: 2}}
				w.replaying(3, events, schemas.ReplayMapped, schemas.RejectSelection{})
				left = append(left, again...)
			}
			w.extract(s)
			w.wantTaken("the next one", left)
			if rows := w.replayed(); len(rows) != len(left) {
				t.Errorf("sent %d rows, want %d", len(rows), len(left))
			}
		})
	}
}

// outcomeless are the rejects whose rows are not among those with these positions.
func (w *world) outcomeless(refs []schemas.RejectRef, seqs ...int64) (left []schemas.RejectRef) {
	w.t.Helper()
	have := map[schemas.RejectRef]bool{}
	for p := range int32(3) {
		w.read(w.topics.Rows(importName), p, func(r *kafka.Record) {
			id, _ := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID))
			if id.Number == w.state.Active.Number && slices.Contains(seqs, id.Seq) {
				have[*schemas.ReplayOf(kafka.HeaderValue(r, schemas.HeaderReplayOf))] = true
			}
		})
	}
	for _, ref := range refs {
		if !have[ref] {
			left = append(left, ref)
		}
	}
	return left
}
