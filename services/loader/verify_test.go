package loader

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// verifying makes a verification active and writes its records.
func (w *world) verifying(run string, identities ...string) {
	w.t.Helper()
	w.tryOut(run, false, identities...)
	_, number, err := schemas.ParseRunID(run)
	if err != nil {
		w.t.Fatal(err)
	}
	w.control(w.topics.State(), run, run, schemas.State{Import: schemas.ImportOf(run), LastNumber: number, Active: &schemas.ActiveRun{
		Run: run, Number: number, Attempt: 1, Mode: schemas.ModeDryRun, State: schemas.StateLoading, Verify: &schemas.Verify{},
		Spec: schemas.ImportSpec{Destination: schemas.Destination{AccountRef: testAccount, Type: schemas.TypeProfile}},
	}})
}

// heldOf are the answers for the records of a verification, by their place.
func (w *world) heldOf(run string, n int) (outcomes map[string]int, missing []int) {
	w.t.Helper()
	answers, outcomes := w.lookedUp(), map[string]int{}
	_, number, err := schemas.ParseRunID(run)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range n {
		list := answers[schemas.VerifyLookup(run, schemas.RowID{Number: number, Attempt: 1, Seq: int64(i + 1)})]
		if len(list) == 0 {
			missing = append(missing, i)
			continue
		}
		outcomes[list[len(list)-1].Outcome]++
	}
	return outcomes, missing
}

// TestAVerificationLooksUp: of each record what CleverTap holds is written before its receipt,
// each person is asked for once in an upload and three at most at a time, beside look-ups that
// people ask for, and nothing is uploaded.
func TestAVerificationLooksUp(t *testing.T) {
	t.Parallel()
	const people = 100
	server := newProfileServer(t, func(identity string) (int, string) {
		time.Sleep(3 * time.Millisecond) // CleverTap's own time, so that requests meet
		switch {
		case identity == "": // an upload
			return 400, `{}`
		case strings.HasSuffix(identity, "7"):
			return 404, `{"status":"fail"}`
		case identity == "p5":
			return 200, `<html>`
		case identity == "p6":
			return 200, `{"record":{"junk":"` + strings.Repeat("x", schemas.MaxProfileBytes) + `"}}`
		}
		return 200, fmt.Sprintf(`{"record":{"identity":%q}}`, identity)
	})
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{Endpoint: server.URL, RecordsPerUpload: 10})
	var identities []string
	for i := range people {
		identities = append(identities, fmt.Sprintf("p%d", i))
	}
	identities = append(identities, "p1", "p1")
	w.verifying("customers.d3", identities...)
	for i := range 200 { // enough to last until the verification begins
		w.askFor(time.Now().Add(time.Minute), fmt.Sprintf("asked%d", i))
	}
	w.start()
	w.await("every record's receipt", 30*time.Second, func() bool {
		_, records := w.receipts("customers.d3")
		return records >= len(identities)
	})
	outcomes, missing := w.heldOf("customers.d3", len(identities))
	want := map[string]int{schemas.LookupFound: len(identities) - 12, schemas.LookupNotFound: 10, schemas.LookupUnanswered: 1, schemas.LookupTooLarge: 1}
	if diff := cmp.Diff(want, outcomes); diff != "" || len(missing) > 0 {
		t.Errorf("records without an answer: %v; outcomes (-want +got):\n%s", missing, diff)
	}
	if most := server.most.Load(); most > 3 {
		t.Errorf("%d look-ups were in flight, CleverTap allows 3", most)
	}
	receipts, _ := w.receipts("customers.d3")
	for _, r := range receipts {
		if len(r.Rejected)+len(r.Skipped) > 0 || len(r.Profiles) > 0 {
			t.Errorf("a receipt of a verification: %+v", r)
		}
	}
	if n := len(w.rejects("customers.d3")); n > 0 {
		t.Errorf("%d records were rejected", n)
	}
}

// TestAVerificationThroughKills: loaders die while they look people up. Those that follow write
// what is missing, and a receipt never comes before its answers.
func TestAVerificationThroughKills(t *testing.T) {
	t.Parallel()
	const people = 300
	var mu sync.Mutex
	asked := map[string]int{}
	server := newProfileServer(t, func(identity string) (int, string) {
		mu.Lock()
		asked[identity]++
		mu.Unlock()
		time.Sleep(time.Millisecond)
		return 200, fmt.Sprintf(`{"record":{"identity":%q}}`, identity)
	})
	w := newWorld(t)
	w.kafka.SessionTimeout = 3 * time.Second
	w.account(schemas.CleverTapAccountSpec{Endpoint: server.URL, RecordsPerUpload: 10})
	var identities []string
	for i := range people {
		identities = append(identities, fmt.Sprintf("p%d", i))
	}
	w.verifying("customers.d1", identities...)
	for part := 1; part <= 3; part++ {
		loader := w.start()
		w.await("some answers", time.Minute, func() bool {
			_, missing := w.heldOf("customers.d1", people)
			return len(missing) < people-part*people/5
		})
		if part < 3 {
			loader.cables.kill()
		}
		receipts, _ := w.receipts("customers.d1") // before the answers, which must be older
		_, missing := w.heldOf("customers.d1", people)
		for _, r := range receipts {
			for _, span := range r.Ranges {
				for o := span.From; o <= span.To; o++ {
					if slices.Contains(missing, int(o)) {
						t.Fatalf("offset %d has a receipt and no answer", o)
					}
				}
			}
		}
	}
	w.await("every record's receipt", time.Minute, func() bool {
		_, records := w.receipts("customers.d1")
		return records >= people
	})
	if outcomes, missing := w.heldOf("customers.d1", people); outcomes[schemas.LookupFound] != people || len(missing) > 0 {
		t.Errorf("outcomes %v, records without an answer: %v", outcomes, missing)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != people+1 && len(asked) != people { // the account is probed without an identity
		t.Errorf("%d people were asked for, want %d", len(asked), people)
	}
}
