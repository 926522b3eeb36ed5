package rowlog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
)

// everyOutcome writes a run in which rows have every outcome that the topics tell, with
// what makes mistakes easy: another run between, a second receipt of the same offsets, a
// reject that the loader wrote twice, and an earlier attempt.
func everyOutcome(w *world) {
	w.row("ada", "1.1.1") // of another run
	old := w.record("ada", "1.1.1")
	w.receipt(1, 1, schemas.Receipt{Upload: "u0", Partition: at("ada"), Ranges: []schemas.Range{{Prev: -1, From: old, To: old}}, Records: 1})

	w.reject(2, schemas.Reject{Stage: schemas.StageExtract, Code: "row_too_large", Reason: "too large", Attempt: 1, ID: "2.1.9"})
	rejected := w.row("bob", "2.1.1")
	w.reject(2, schemas.Reject{
		Stage: schemas.StageMap, Code: "email_invalid", Column: "EMAIL", Property: "Email", Reason: "no address", Attempt: 1, ID: "2.1.1",
		Topic: w.topics.Rows(importName), Partition: at("bob"), Offset: rejected, Row: raw(`{"ID":"bob","NAME":"n","EMAIL":"x"}`),
	})
	w.mapped(2, 1, schemas.Mapped{Partition: at("bob"), From: rejected, To: rejected, RejectsByCode: map[string]int64{"email_invalid": 1}})
	for _, name := range []string{"eve", "loki"} {
		n := map[string]int64{"eve": 3, "loki": 4}[name]
		offset := w.row(name, fmt.Sprintf("2.1.%d", n))
		reason := map[string]string{"eve": schemas.SkipSuppressed, "loki": schemas.SkipCancelled}[name]
		m := schemas.Mapped{Partition: at(name), From: offset, To: offset, Skipped: map[string]int64{reason: 1}}
		if name == "eve" {
			m.Suppressed = []int64{3}
		}
		w.mapped(2, 1, m)
	}

	loaded := w.record("ada", "2.1.2")
	w.receipt(2, 1, schemas.Receipt{Upload: "u1", Partition: at("ada"), Ranges: []schemas.Range{{Prev: old, From: loaded, To: loaded}}, Records: 1, Status: 200})
	// An older owner's receipt of the same offset comes later and counts for nothing.
	w.receipt(2, 1, schemas.Receipt{
		Upload: "u2", Partition: at("ada"), Ranges: []schemas.Range{{Prev: old, From: loaded, To: loaded}}, Records: 1,
		Rejected: []schemas.OffsetOutcome{{Offset: loaded, Code: "phone_invalid"}},
	})
	refused := w.record("cid", "2.1.5")
	for range 2 {
		w.reject(2, schemas.Reject{
			Stage: schemas.StageLoad, Code: "clevertap_516", Reason: "Phone number is not valid", Attempt: 1, ID: "2.1.5",
			Topic: w.topics.Records(importName), Partition: at("cid"), Offset: refused,
		})
	}
	w.receipt(2, 1, schemas.Receipt{
		Upload: "u3", Partition: at("cid"), Ranges: []schemas.Range{{Prev: refused - 1, From: refused, To: refused}}, Records: 1,
		Rejected: []schemas.OffsetOutcome{{Offset: refused, Code: "clevertap_516"}},
	})
	stopped := w.record("dan", "2.2.6")
	w.receipt(2, 2, schemas.Receipt{Partition: at("dan"), Ranges: []schemas.Range{{Prev: stopped - 1, From: stopped, To: stopped}}, Records: 1, SkipReason: schemas.SkipStopped})
}

func walk(t *testing.T, w *world, q rowlog.Query, limit int) (lines []string, next rowlog.Position, more bool) {
	t.Helper()
	q.Run, q.Spec, q.Rule, q.Partitions = w.run(2), spec(), rule(t), partitions
	next, more, err := rowlog.Walk(t.Context(), w, w.topics, q, func(r rowlog.Row) error {
		if limit > 0 && len(lines) == limit {
			return rowlog.ErrEnough
		}
		lines = append(lines, strings.Join([]string{r.ID, r.Result, r.Stage, r.Code, r.Identity, r.Upload, r.Reason}, "|"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines, next, more
}

func TestWalkTellsEveryOutcomeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	everyOutcome(w)
	want := []string{
		"2.1.9|rejected|extract|row_too_large|||too large",
		"2.1.1|rejected|map|email_invalid|bob||no address",
		"2.1.3|skipped|map|suppressed|eve||the person is suppressed: nothing of them is sent to the account",
		"2.1.4|skipped|map|cancelled|loki||the run was cancelled before it was sent",
		"2.1.2|loaded|||ada|u1|",
		"2.1.5|rejected|load|clevertap_516|cid|u3|Phone number is not valid",
		"2.2.6|skipped|load|stopped|dan||the run had failed before it was sent",
	}
	for _, batch := range []int{1, 3, 100} {
		got, _, more := walk(t, w, rowlog.Query{Batch: batch}, 0)
		if diff := cmp.Diff(want, got); diff != "" || more {
			t.Errorf("batches of %d (-want +got), more %v:\n%s", batch, more, diff)
		}
	}
	for result, lines := range map[string][]string{
		rowlog.Loaded: {want[4]}, rowlog.Rejected: {want[0], want[1], want[5]}, rowlog.Skipped: {want[2], want[3], want[6]},
	} {
		got, _, _ := walk(t, w, rowlog.Query{Result: result, Batch: 2}, 0)
		if diff := cmp.Diff(lines, got); diff != "" {
			t.Errorf("only %s (-want +got):\n%s", result, diff)
		}
	}
	for size := 1; size <= len(want)+1; size++ {
		var got []string
		q := rowlog.Query{Batch: size + 1, Reports: 2}
		for pages := 0; ; pages++ {
			page, next, more := walk(t, w, q, size)
			got = append(got, page...)
			if !more {
				break
			}
			var err error
			if q.From, err = rowlog.ParsePosition(next.String()); err != nil || pages > 20 {
				t.Fatalf("page %d ends at %s: %v", pages, next, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
}

func TestParsePositionRefusesWhatIsNoPosition(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x", "j", "p1", "j-1", "p1.-1", "j01", "p1.2.3", "p9999999999999999999.1"} {
		if p, err := rowlog.ParsePosition(text); err == nil {
			t.Errorf("ParsePosition(%q) = %v", text, p)
		}
	}
}

// TestWalkTellsResultsWithoutTopics: once retention or a person has removed the topics,
// the results are told, and that the rows are gone.
func TestWalkTellsResultsWithoutTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	everyOutcome(w)
	var got []string
	q := rowlog.Query{Run: w.run(2), Spec: spec(), Batch: 10, Result: rowlog.Loaded}
	_, _, err := rowlog.Walk(t.Context(), w, w.topics, q, func(r rowlog.Row) error {
		got = append(got, fmt.Sprintf("%s %s%s gone %v", r.Result, r.ID, r.Identity, r.Gone))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"loaded  gone true"}, got); diff != "" {
		t.Error(diff)
	}
}
