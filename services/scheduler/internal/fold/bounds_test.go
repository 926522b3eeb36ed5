package fold_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// budget is what a fold or a run event may take at most, Kafka takes 1 MiB.
const budget = 900 << 10

// hostile are texts that tables, people and endpoints may come up with.
func hostile(r *rand.Rand) string {
	unit := []string{"X", "\u0001", "\"", "<", "ü", "😀"}[r.IntN(6)]
	return fmt.Sprint(r.IntN(1_000_000)) + strings.Repeat(unit, []int{0, 3, 30, 255, 3000}[r.IntN(5)])
}

// TestNoReportMakesAFoldTooLarge: whatever the columns, codes, reasons and notes
// of a run are, and however many, its fold and its events fit into Kafka.
//
// Invariant 11: a control record that Kafka refuses would stop every import of
// its partition.
func TestNoReportMakesAFoldTooLarge(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	for round := range 8 {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		f := fold.New("a.1", "a", 6, time.Time{})
		var before []schemas.Column
		for range 1 + r.IntN(5) {
			s := &schemas.Started{QueryID: hostile(r), Columns: columns(r)}
			apply(f, schemas.Report{Started: s})
			fold.Compare(f, before)
			before = f.Started.Columns
		}
		codes := map[string]int64{}
		for range r.IntN(3000) {
			codes[hostile(r)] += 1 + r.Int64N(5)
		}
		e := schemas.Extraction{Chunks: 1, RejectsByCode: codes, ByPartition: make([]int64, r.IntN(schemas.MaxPartitions))}
		apply(f, schemas.Report{Chunk: &e})
		apply(f, schemas.Report{Waiting: &schemas.Waiting{Account: hostile(r), Reason: hostile(r)}})
		apply(f, schemas.Report{Mapped: &schemas.Mapped{Mapped: 30_000, RejectsByCode: codes, Skipped: codes}})
		for offset := range int64(r.IntN(30_000)) {
			apply(f, schemas.Report{Receipt: &schemas.Receipt{
				Ranges: []schemas.Range{{Prev: offset - 1, From: offset, To: offset}}, Rejected: []schemas.OffsetOutcome{{Offset: offset, Code: hostile(r)}},
			}})
		}
		for range r.IntN(100) {
			fold.Note(f, hostile(r))
		}
		a := &schemas.ActiveRun{Run: "a.1", Attempt: 1, Ending: &schemas.Ending{Error: fold.BoundError("load", hostile(r), hostile(r))}}
		event := fold.Event(f, a)
		event.Error = a.Ending.Error
		f.ClosedAs = &event
		for what, value := range map[string]any{"fold": f, "event": event} {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > budget {
				t.Fatalf("seed %d round %d: the %s takes %d bytes", seed, round, what, len(text))
			}
		}
		if total := fold.Counts(f); rejects(f) != total.MapRejected+total.LoadRejected {
			t.Fatalf("seed %d round %d: %d rejects by code of %d", seed, round, rejects(f), total.MapRejected+total.LoadRejected)
		}
	}
}

func rejects(f *schemas.Fold) int64 {
	sum := int64(0)
	for _, n := range f.RejectsByCode {
		sum += n
	}
	return sum
}

func apply(f *schemas.Fold, r schemas.Report) {
	r.Attempt = 1
	fold.Apply(f, 1, &r, time.Time{})
}

func columns(r *rand.Rand) []schemas.Column {
	out := make([]schemas.Column, r.IntN(8000))
	for i := range out {
		out[i] = schemas.Column{Name: hostile(r), Type: []string{"TEXT", "FIXED", hostile(r)}[r.IntN(3)], Precision: 38, Scale: 37, Nullable: true}
	}
	return out
}

// TestManyCodesStopARun: an endpoint that names another code for each record does
// not get around the limit on rejects.
func TestManyCodesStopARun(t *testing.T) {
	t.Parallel()
	f := fold.New("a.1", "a", 1, time.Time{})
	apply(f, schemas.Report{Mapped: &schemas.Mapped{Mapped: 5000}})
	for offset := range int64(2000) {
		apply(f, schemas.Report{Receipt: &schemas.Receipt{
			Ranges: []schemas.Range{{Prev: offset - 1, From: offset, To: offset}}, Rejected: []schemas.OffsetOutcome{{Offset: offset, Code: fmt.Sprintf("clevertap_%d", offset)}},
		}})
	}
	if got, stop := fold.Stop(f, 0); !stop || got.Code != fold.CodeOther || got.Stage != schemas.StageLoad {
		t.Errorf("stop %v, %+v", stop, got)
	}
	if len(f.RejectsByCode) > fold.MaxCodes+1 {
		t.Errorf("%d codes are counted", len(f.RejectsByCode))
	}
}
