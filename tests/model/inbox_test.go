package model

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

// inboxArrival is a record that came to an inbox.
type inboxArrival struct {
	person  string
	version int
	run     int // number of the run that was triggered last
	at      time.Time
}

// inbox is a CleverTap account that takes everything and remembers when it came.
type inbox struct {
	server *httptest.Server

	mu       sync.Mutex
	run      int
	arrivals []inboxArrival
}

func newInbox(t testing.TB) *inbox {
	t.Helper()
	i := &inbox{}
	i.server = httptest.NewServer(i)
	t.Cleanup(func() {
		i.server.CloseClientConnections()
		i.server.Close()
	})
	return i
}

// begin says which run is triggered.
func (i *inbox) begin(run int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.run = run
}

// ServeHTTP implements http.Handler.
func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	came := time.Now()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var upload struct {
		D []body `json:"d"`
	}
	if err := json.Unmarshal(raw, &upload); err != nil {
		http.Error(w, `{"status":"fail","error":"Malformed request","code":400}`, http.StatusBadRequest)
		return
	}
	if !isCheck(r) {
		i.take(upload.D, came)
	}
	_, _ = fmt.Fprintf(w, `{ "status" : "success" , "processed" : %d , "unprocessed" : [ ]}`, len(upload.D))
}

func (i *inbox) take(records []body, at time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, b := range records {
		a := inboxArrival{person: b.Identity, run: i.run, at: at}
		if b.Profile != nil {
			a.version = b.Profile.V
		}
		i.arrivals = append(i.arrivals, a)
	}
}

// of lists what came in a run.
func (i *inbox) of(run int) (out []inboxArrival) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range i.arrivals {
		if a.run == run {
			out = append(out, a)
		}
	}
	return out
}

// has reports whether a version of a person came in a run.
func (i *inbox) has(run int, person string, version int) bool {
	for _, a := range i.of(run) {
		if a.person == person && a.version == version {
			return true
		}
	}
	return false
}

// newest is the version of a person that came last, 0 if none did.
func (i *inbox) newest(person string) (version int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range i.arrivals {
		if a.person == person {
			version = a.version
		}
	}
	return version
}
