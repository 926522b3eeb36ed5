package loader

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// rows makes n records over the partitions, one identity each.
func rows(n, partitions int) []row {
	out := make([]row, n)
	for i := range out {
		out[i] = row{partition: int32(i % partitions), identity: fmt.Sprintf("u%d", i), version: 1}
	}
	return out
}

func (w *world) want(got tally, want map[string]int) {
	w.t.Helper()
	if diff := cmp.Diff(want, got.byOutcome); diff != "" {
		w.t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
}

func TestEveryRecordIsLoadedOnceAndCommitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 3, schemas.ImportSpec{})
	w.load("customers", rows(6000, 3), 1500)
	l := w.start()
	w.want(w.settled("customers", 6000), map[string]int{"loaded": 6000})
	if n := len(w.cleverTap.got()); n != 6000 {
		t.Errorf("CleverTap has %d records, want 6000", n)
	}
	l.drain()
	// A second loader finds everything committed.
	requests, _ := w.cleverTap.stats()
	w.start()
	w.load("customers", []row{{identity: "late", version: 1}}, 1)
	w.settled("customers", 6001)
	if after, _ := w.cleverTap.stats(); after != requests+1 {
		t.Errorf("the second loader made %d requests, want 1", after-requests)
	}
}

func TestInvariant1OffsetsStopBeforeTheFirstUnfinishedUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 100})
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release() // the fake ends only once its requests do, also after a failure
	w.cleverTap.decide = func(_ int, records []sent) answer {
		if records[0].Identity == "u200" {
			return answer{wait: hold}
		}
		return answer{}
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(1000, 1), 1000)
	w.tune = func(c *Config) { c.RequestTimeout = 2 * time.Second }
	l := w.start()
	w.settled("customers", 900)
	w.await("the offset of the third upload", 5*time.Second, func() bool { return w.committed("customers", 1)[0] == 200 })
	release()
	w.want(w.settled("customers", 1000), map[string]int{"loaded": 1000})
	l.drain()
	if got := w.committed("customers", 1)[0]; got != 1000 {
		t.Errorf("committed %d after the drain, want 1000", got)
	}
}

func TestSkipsAndUnknownRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.state("customers", 3, 2, schemas.ImportSpec{}, nil)
	var all []row
	for _, run := range []string{"2.1", "3.1", "3.2", "3.3", "9.1", "junk"} {
		for i := range 10 {
			all = append(all, row{identity: run + fmt.Sprint(i), run: run})
		}
	}
	w.load("customers", all, len(all))
	w.start()
	w.want(w.settled("customers", 30), map[string]int{"loaded": 10, "closed": 20})
	w.await("rejects of unknown runs", 5*time.Second, func() bool { return len(w.rejects("customers")) == 30 })
	for _, r := range w.rejects("customers") {
		if r.Code != "unknown_run" || r.Stage != schemas.StageLoad || len(r.Record) == 0 {
			t.Fatalf("reject %+v, want unknown_run with its record", r)
		}
	}
	// The run is cancelled: what comes is skipped.
	w.state("customers", 3, 2, schemas.ImportSpec{}, &schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled})
	w.load("customers", []row{{identity: "a", run: "3.2"}}, 1)
	w.want(w.settled("customers", 31), map[string]int{"loaded": 10, "closed": 20, "cancelled": 1})
	w.await("all to be committed", 5*time.Second, func() bool { return w.committed("customers", 1)[0] == 62 })
}

func TestRefusedCredentialsPauseTheAccountAndRejectNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refuse := make(chan struct{})
	w.cleverTap.decide = func(int, []sent) answer {
		select {
		case <-refuse:
			return answer{}
		default:
			return answer{status: 401, body: `{ "status" : "fail" , "error" : "Account ID is not valid" , "code" : 401}`, skip: true}
		}
	}
	w.importOf("customers", 2, schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent, OnAmbiguous: "hold"}})
	w.load("customers", rows(4000, 2), 1000)
	first := w.start()
	w.await("a waiting report", 10*time.Second, func() bool { return len(w.tally("customers").waiting) > 0 })
	// Another loader takes over in the middle of the pause: refused uploads were
	// withdrawn, so none is ambiguous.
	first.drain()
	w.start()
	before, _ := w.cleverTap.stats()
	w.await("more probes", 10*time.Second, func() bool { n, _ := w.cleverTap.stats(); return n > before+2 })
	close(refuse)
	got := w.settled("customers", 4000)
	w.want(got, map[string]int{"loaded": 4000})
	w.await("the pause to be over", 5*time.Second, func() bool {
		waiting := w.tally("customers").waiting
		return waiting[len(waiting)-1].Over
	})
	if got.resent != 0 {
		t.Errorf("%d records count as resent, want 0", got.resent)
	}
	if w := got.waiting[0]; w.Account != testAccount || w.Reason == "" || w.Since.IsZero() {
		t.Errorf("the waiting report %+v does not say which account, why and since when", w)
	}
}

func TestARunThatEndsWhileItsAccountIsPausedIsSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cleverTap.decide = func(int, []sent) answer { return answer{status: 403, skip: true} }
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(3000, 1), 1000)
	w.start()
	w.await("a waiting report", 10*time.Second, func() bool { return len(w.tally("customers").waiting) > 0 })
	w.state("customers", 1, 1, schemas.ImportSpec{}, &schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled})
	w.want(w.settled("customers", 3000), map[string]int{"cancelled": 3000})
}

func TestAnUndefinedAccountPausesUntilItIsDefined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{Region: "atlantis", Endpoint: "-"})
	w.tune = func(c *Config) { c.AllowCustomEndpoints = false }
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(10, 1), 10)
	l := w.start()
	w.await("a waiting report", 10*time.Second, func() bool { return len(w.tally("customers").waiting) > 0 })
	if requests, _ := w.cleverTap.stats(); requests != 0 {
		t.Errorf("%d requests to an endpoint that is not allowed", requests)
	}
	l.drain()
	w.tune = nil
	w.account(schemas.CleverTapAccountSpec{})
	w.start()
	w.want(w.settled("customers", 10), map[string]int{"loaded": 10})
}

func TestAMalformedRecordIsFoundByBisection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cleverTap.decide = func(_ int, records []sent) answer {
		for _, r := range records {
			if r.Identity == "u617" {
				return answer{status: 400, body: `{ "status" : "fail" , "error" : "Malformed request" , "code" : 400}`, skip: true}
			}
		}
		return answer{}
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(1000, 1), 1000)
	w.tune = func(c *Config) { c.Linger = 5 * time.Second } // all of them are one upload
	w.start()
	w.want(w.settled("customers", 1000), map[string]int{"loaded": 999, "request_malformed": 1})
	if requests, _ := w.cleverTap.stats(); requests > 21 {
		t.Errorf("%d requests to find one record of 1000, want at most 21", requests)
	}
	if n := len(w.cleverTap.got()); n != 999 {
		t.Errorf("CleverTap got %d records, want each good one once", n)
	}
	if r := w.rejects("customers"); len(r) != 1 || r[0].Offset != 617 {
		t.Errorf("rejects %+v, want the one at offset 617", r)
	}
}

func TestPartialAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cleverTap.decide = func(n int, records []sent) answer {
		if isProbe(records) { // it works for others
			return answer{}
		}
		if len(records) == 1 { // the 555 record, again
			return answer{body: `{"status":"fail","processed":0,"unprocessed":[{"status":"fail","code":555,"error":"Miscellaneous server error. Skipped record number : 1","record":{}}]}`}
		}
		return answer{body: fmt.Sprintf(`{ "status" : "partial" , "processed" : %d , "unprocessed" : [
			{"status":"fail","code":515,"error":"Profile data is incorrect. Email is not valid.Skipped record number : 3","record":{}},
			{"status":"fail","code":555,"error":"Miscellaneous server error. Skipped record number  :  7","record":{}}]}`, len(records)-2)}
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(20, 1), 20)
	w.tune = func(c *Config) { c.RecordFaultLimit = 300 * time.Millisecond }
	began := time.Now()
	w.start()
	got := w.settled("customers", 20)
	w.want(got, map[string]int{"loaded": 18, "clevertap_515": 1, "clevertap_555": 1})
	if got.outcomes[0][2] != "clevertap_515" || got.outcomes[0][6] != "clevertap_555" {
		t.Errorf("outcomes %v, want the rejects at offsets 2 and 6", got.outcomes[0])
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("rejected after %v: code 555 is waited out for as long as is set", took)
	}
}
