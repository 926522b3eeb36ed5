package loader

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// sent is a record as the fake CleverTap got it.
type sent struct {
	Identity string `json:"identity"`
	Version  int    `json:"version"`
	Name     string `json:"name"`

	refused bool // by code 555: it arrived and was not applied
}

// answer is what the fake CleverTap does with a request. The zero value applies
// the records and answers success.
type answer struct {
	status int           // 0: 200
	body   string        // "": success for all
	lost   bool          // applied or not, the connection ends without an answer
	skip   bool          // not applied
	from   int           // the first record that is not refused
	wait   chan struct{} // answered once it is closed
	delay  time.Duration
}

// fakeCleverTap applies uploads and answers as told.
type fakeCleverTap struct {
	*httptest.Server
	decide func(request int, records []sent) answer

	mu       sync.Mutex
	requests int
	checks   int // of requests: those that ask to store nothing
	sizes    []int
	applied  []sent
	inFlight int
	most     int
}

func newFakeCleverTap(t testing.TB) *fakeCleverTap {
	f := &fakeCleverTap{decide: func(int, []sent) answer { return answer{} }}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeCleverTap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var upload struct {
		D []sent `json:"d"`
	}
	if err := json.Unmarshal(body, &upload); err != nil {
		http.Error(w, `{"status":"fail","error":"Malformed request","code":400}`, http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	dry := r.URL.Query().Get("dryRun") == "1"
	f.requests++
	n := f.requests
	if dry {
		f.checks++
	}
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	f.sizes = append(f.sizes, len(upload.D))
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.inFlight--
		f.mu.Unlock()
	}()
	a := f.decide(n, upload.D)
	if a.wait != nil {
		<-a.wait
	}
	if a.delay > 0 {
		time.Sleep(a.delay) // latency, not synchronisation
	}
	if !a.skip && !dry {
		f.mu.Lock()
		for i := range a.from {
			upload.D[i].refused = true
		}
		f.applied = append(f.applied, upload.D...)
		f.mu.Unlock()
	}
	if a.lost {
		panic(http.ErrAbortHandler)
	}
	if a.body == "" {
		a.body = fmt.Sprintf(`{ "status" : "success" , "processed" : %d , "unprocessed" : [ ]}`, len(upload.D))
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	_, _ = io.WriteString(w, a.body)
}

// applyLater applies records after a while, when their request is long answered.
func (f *fakeCleverTap) applyLater(late time.Duration) func([]sent) {
	return func(records []sent) {
		time.AfterFunc(late, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.applied = append(f.applied, records...)
		})
	}
}

func (f *fakeCleverTap) got() []sent {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]sent(nil), f.applied...)
}

func (f *fakeCleverTap) stats() (requests, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests, f.most
}
