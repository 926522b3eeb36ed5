package extractor

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/sums"
)

// list writes a list of people in parts, as Import Center does.
func (w *world) list(id string, identities ...string) {
	w.t.Helper()
	const part = 900
	for from := 0; from < len(identities); from += part {
		rec, err := control.Record(w.topics.Lookups(), importName, importName, schemas.People{
			ID: id, Import: importName, Identities: identities[from:min(from+part, len(identities))],
		}, schemas.EventPeople, "test")
		if err != nil {
			w.t.Fatal(err)
		}
		w.produce(rec)
	}
}

// repairing makes the n-th run a repair of so many people.
func (w *world) repairing(n int, id string, selected int) {
	w.t.Helper()
	w.next(n, func(a *schemas.ActiveRun) {
		a.Mode, a.WatermarkFrom = schemas.ModeRepair, ""
		a.Repair = &schemas.Repair{Verification: importName + ".d1", People: id, Selected: int64(selected)}
	})
}

// TestARepair: the people of the list, and nobody else, are read again, a thousand in a
// statement, and what is sent is what Snowflake has now. A process that is stopped under way
// is replaced by one that goes on after the last committed statement.
func TestARepair(t *testing.T) {
	t.Parallel()
	const people, selected = 3000, 2500
	rows := customers(people)
	for i := range rows {
		rows[i].at = at(-i - 10)
	}
	w := newWorld(t, rows...)
	w.cfg.Suppression.Keys, w.db.chunkRows = testKeys, 400
	w.suppress(7, 2400)
	identities := []string{"gone-1", "777777"} // no number, and one that Snowflake has not
	for i := range selected {
		identities = append(identities, strconv.Itoa(i+1))
	}
	w.list("another", "2999")
	w.list("those", identities...)
	w.repairing(2, "those", len(identities))
	h := newHang(t)
	w.db.onQuery = func(context.Context, string, func(string)) error {
		w.db.mu.Lock()
		second := len(w.db.statements) == 2
		w.db.mu.Unlock()
		if second {
			w.db.mu.Lock()
			w.db.onQuery = nil
			w.db.mu.Unlock()
			h.wait()
		}
		return nil
	}
	first := w.start()
	zombie := make(chan error, 1)
	go func() { zombie <- first.takeOver(t.Context(), importName, w.work()) }()
	<-h.reached
	w.extract(w.start())
	close(h.release)
	if err := <-zombie; !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("the first process ended with %v, want fenced", err)
	}

	e := w.last(schemas.ReportFinal).Final.Extraction
	if e.Read != int64(len(identities)) || e.Extracted != selected-2 || e.Skipped[schemas.SkipGone] != 2 || e.Skipped[schemas.SkipSuppressed] != 2 {
		t.Errorf("counts %+v", e)
	}
	sent := w.rows()
	if len(sent) != selected-2 {
		t.Errorf("%d rows, want %d", len(sent), selected-2)
	}
	for id, row := range sent {
		if strings.Contains(row, "canary-2999@") || strings.Contains(row, "canary-7@") {
			t.Errorf("row %s was not to be sent: %s", id, row)
		}
	}
	if n := len(w.db.statements); n != 4 {
		t.Errorf("%d statements for %d people, of which one was repeated; want 4", n, len(identities))
	}
	for _, s := range w.db.statements {
		if strings.Contains(s.SQL, "gone-1") {
			t.Error("a text of the list is in a statement")
		}
	}
	if started := w.lastStarted(); started.Total != e.Read {
		t.Errorf("the start says %d rows, and %d were read", started.Total, e.Read)
	}
	if final := w.last(schemas.ReportFinal).Final; final.Ledger != nil {
		t.Errorf("a repair has left a ledger: %+v", final.Ledger)
	}
}

// TestARepairWithoutItsList: a list that Kafka has removed in part sends nobody.
func TestARepairWithoutItsList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, customers(3)...)
	s := w.start()
	w.list("those", "1", "2")
	w.repairing(2, "those", 3)
	w.extract(s)
	if r := w.last(schemas.ReportAbandoned).Abandoned; r.Code != failure.CodeSampleGone || !r.Permanent || !strings.Contains(r.Reason, "2 of the 3") {
		t.Errorf("the repair ended as %+v", r)
	}
	if rows := w.rows(); len(rows) > 0 {
		t.Errorf("sent %v", rows)
	}
}

// TestABaselineOfSeveralSessions: a session died after it had written a baseline of more parts
// than the one of the session that went on with the attempt. What is read is the latter's, and
// what a run that did not succeed has left is removed with the next.
func TestABaselineOfSeveralSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	write := func(ref schemas.BaselineRef, groups int, stale []string) schemas.BaselineRef {
		t.Helper()
		all := sums.Sums{}
		for i := range groups {
			all[sums.Key{Way: sums.ByLow, Key: int64(i)}] = sums.Sum{Rows: int64(groups), Hash: big.NewInt(int64(i)), Square: big.NewInt(1)}
		}
		records, parts, err := baselineRecords(w.topics, importName, ref, all, stale)
		if err != nil {
			t.Fatal(err)
		}
		w.produce(records...)
		ref.Parts = parts
		return ref
	}
	write(schemas.BaselineRef{Number: 2, Attempt: 1}, 10, nil)
	write(schemas.BaselineRef{Number: 3, Attempt: 1}, 2*perPart+1, nil)
	ref := write(schemas.BaselineRef{Number: 3, Attempt: 1}, perPart+1, nil)
	write(schemas.BaselineRef{Number: 4, Attempt: 2}, 10, nil)
	found, stale, err := readBaseline(t.Context(), w.reader, w.topics, importName, &ref)
	if err != nil || len(found) != perPart+1 || fmt.Sprint(stale) != "[customers/2/0 customers/4/0]" {
		t.Fatalf("%d groups, stale %v, %v", len(found), stale, err)
	}
	for k, sum := range found {
		if sum.Rows != perPart+1 {
			t.Fatalf("group %v is of the session that died: %+v", k, sum)
		}
	}
	write(schemas.BaselineRef{Number: 5, Attempt: 1}, 1, stale)
	if found, stale, err = readBaseline(t.Context(), w.reader, w.topics, importName, &ref); err != nil || len(found) != perPart+1 || fmt.Sprint(stale) != "[customers/5/0]" {
		t.Errorf("after the next one: %d groups, stale %v, %v", len(found), stale, err)
	}
	other := ref
	other.Attempt = 7
	if found, _, err = readBaseline(t.Context(), w.reader, w.topics, importName, &other); err != nil || found != nil {
		t.Errorf("of an attempt that wrote none: %d groups, %v", len(found), err)
	}
}
