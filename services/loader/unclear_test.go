package loader

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
)

// poison returns the position, from 1, of the record that CleverTap cannot process; 0 if
// the request has none.
func poison(records []sent) int {
	for i, r := range records {
		if r.Identity == "u7" {
			return i + 1
		}
	}
	return 0
}

// TestAnswersThatDoNotAddUp: of 20 events there is one to which CleverTap's answer never
// follows its documentation. Every record gets its outcome soon and after few requests.
func TestAnswersThatDoNotAddUp(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer func(at int, records []sent) answer // of a request with the poison at a position
		code   string                              // of the poison; "" if it is loaded
		most   int                                 // how often one event may arrive
	}{
		"an error without a position": {func(_ int, records []sent) answer {
			return answer{body: fmt.Sprintf(`{"status":"partial","processed":%d,"unprocessed":[{"code":527,"error":"Event property is not allowed"}]}`, len(records)-1)}
		}, "clevertap_unknown", 8},
		"two errors of one record": {func(at int, records []sent) answer {
			return answer{body: fmt.Sprintf(`{"status":"partial","processed":%d,"unprocessed":[
				{"code":515,"error":"Email is not valid. Skipped record number : %d"},
				{"code":516,"error":"Phone is not valid. Skipped record number : %d"}]}`, len(records)-1, at, at)}
		}, "clevertap_515", 1},
		"counts as text": {func(_ int, records []sent) answer {
			return answer{body: fmt.Sprintf(`{"status":"success","processed":"%d","unprocessed":[]}`, len(records))}
		}, "", 1},
		"counts that are wrong": {func(_ int, records []sent) answer {
			return answer{body: fmt.Sprintf(`{"status":"success","processed":%d,"unprocessed":[]}`, len(records)+1)}
		}, delivery.CodeUnanswered, 12},
		"a firewall": {func(int, []sent) answer {
			return answer{status: 403, body: "<html>Request blocked</html>", skip: true}
		}, delivery.CodeBlocked, 1},
		"a proxy's 400": {func(int, []sent) answer {
			return answer{status: 400, body: "<html>Bad Request</html>", skip: true}
		}, delivery.CodeBlocked, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.cleverTap.decide = func(_ int, records []sent) answer {
				if at := poison(records); at > 0 {
					return tt.answer(at, records)
				}
				return answer{}
			}
			w.importOf("purchases", 1, schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent}})
			w.load("purchases", rows(20, 1), 20)
			w.start()
			want := map[string]int{"loaded": 20}
			if tt.code != "" {
				want = map[string]int{"loaded": 19, tt.code: 1}
			}
			w.want(w.settled("purchases", 20), want)
			times := map[string]int{}
			for _, s := range w.cleverTap.got() {
				times[s.Identity]++
				if times[s.Identity] > tt.most {
					t.Fatalf("one event arrived %d times, want %d at most", times[s.Identity], tt.most)
				}
			}
		})
	}
}

// TestWhatHoldsForAllRejectsNothing: an unclear answer to every request is a
// problem of the account and not of a record.
func TestWhatHoldsForAllRejectsNothing(t *testing.T) {
	t.Parallel()
	answers := map[string]answer{
		"a firewall":          {status: 403, body: "<html>Request blocked</html>", skip: true},
		"a proxy's 400":       {status: 400, body: "<html>Bad Request</html>", skip: true},
		"answers of nonsense": {body: "<html>welcome</html>", skip: true},
		"too many requests":   {status: 429, body: `{"status":"fail","code":429}`, skip: true},
	}
	for name, bad := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			back := make(chan struct{})
			w.cleverTap.decide = func(int, []sent) answer {
				select {
				case <-back:
					return answer{}
				default:
					return bad
				}
			}
			w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 50})
			w.importOf("customers", 2, schemas.ImportSpec{})
			w.load("customers", rows(1000, 2), 1000)
			w.start()
			w.await("the pause to be told", 20*time.Second, func() bool { return len(w.tally("customers").waiting) > 0 })
			before, _ := w.cleverTap.stats()
			w.await("five requests more", 20*time.Second, func() bool { n, _ := w.cleverTap.stats(); return n >= before+5 })
			if n := w.tally("customers").total; n > 0 {
				t.Errorf("%d records have an outcome", n)
			}
			close(back)
			w.want(w.settled("customers", 1000), map[string]int{"loaded": 1000})
			w.await("the end of the pause to be told", 10*time.Second, func() bool {
				waiting := w.tally("customers").waiting
				return waiting[len(waiting)-1].Over
			})
		})
	}
}

// TestAMomentOfCode555RejectsNothing: CleverTap answers 555 to all records of all uploads
// until the loader reports that the run waits.
func TestAMomentOfCode555RejectsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var over atomic.Bool
	w.cleverTap.decide = func(_ int, records []sent) answer {
		if over.Load() {
			return answer{}
		}
		var list []string
		for i := range records {
			list = append(list, fmt.Sprintf(`{"code":555,"error":"Miscellaneous server error. Skipped record number : %d"}`, i+1))
		}
		return answer{from: len(records), body: fmt.Sprintf(`{"status":"fail","processed":0,"unprocessed":[%s]}`, strings.Join(list, ","))}
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(20, 1), 20)
	w.start()
	w.await("the report that the run waits", 30*time.Second, func() bool { return len(w.tally("customers").waiting) > 0 })
	over.Store(true)
	w.want(w.settled("customers", 20), map[string]int{"loaded": 20})
}

// TestTheBoundHoldsAcrossTakeovers: an intent says how many requests before it may have
// applied its records, so that no event is sent without a limit when the owner changes often.
func TestTheBoundHoldsAcrossTakeovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 10})
	w.tune = func(c *Config) { c.RequestTimeout = time.Second }
	w.importOf("purchases", 1, schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent}})
	w.commit("purchases", kafka.Commit{Offset: 0, Metadata: `{"reports":0,"prev":-1}`})
	w.load("purchases", rows(6, 1), 6)
	for i, earlier := range []int{delivery.MaxResends, delivery.MaxResends - 1} {
		from := int64(2 * i)
		w.control(w.topics.Reports(), "purchases", "purchases", schemas.Report{
			Import: "purchases", Run: "purchases.1", Number: 1, Attempt: 1, Kind: schemas.ReportIntent, Time: time.Now(),
			Intent: &schemas.Intent{Ranges: []schemas.Range{{Prev: from - 1, From: from, To: from + 1}}, Records: 2, Holder: fmt.Sprint(i), OpenMillis: 1, Earlier: earlier},
		})
	}
	w.start()
	w.want(w.settled("purchases", 6), map[string]int{"ambiguous": 2, "loaded": 4})
	var sent []string
	for _, s := range w.cleverTap.got() {
		sent = append(sent, s.Identity)
	}
	slices.Sort(sent)
	if diff := cmp.Diff([]string{"u2", "u3", "u4", "u5"}, sent); diff != "" {
		t.Errorf("sent mismatch (-want +got):\n%s", diff)
	}
}
