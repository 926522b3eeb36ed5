package model

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/sandbox"
)

// arrival is what an upload held of an identity when CleverTap applied it: its
// versions from the first to the last.
type arrival struct {
	identity string
	first    int
	last     int
	run      int // number of the run in which the request reached the gate
	at       time.Time
	how      string // the fault that the request met
}

// answer is what a gate does with one request: apply tells whether and when
// CleverTap gets it, and reply what the loader is told.
type answer struct {
	name  string
	late  time.Duration // CleverTap gets it so long after the loader has its reply
	never bool          // CleverTap does not get it at all
	reply func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder)
}

// gate is a proxy before a CleverTap account of its own. It keeps in which order
// versions arrive, and it misbehaves as it is told.
type gate struct {
	server  *httptest.Server
	account http.Handler
	late    sync.WaitGroup // requests that CleverTap gets after their reply

	mu      sync.Mutex
	applied []arrival
	events  map[string]int // by content: how often it is stored
	next    []answer       // for the uploads to come, one each
	uploads int
	run     int // number of the run that was triggered last
}

func newGate(t testing.TB) *gate {
	t.Helper()
	cfg := sandbox.DefaultCleverTapConfig()
	g := &gate{account: sandbox.NewCleverTap(cfg, slog.New(slog.DiscardHandler)).Handler(), events: map[string]int{}}
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
		g.late.Wait()
	})
	return g
}

// misbehave lets the next n uploads meet an answer.
func (g *gate) misbehave(n int, a answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range n {
		g.next = append(g.next, a)
	}
}

// begin says which run is triggered.
func (g *gate) begin(run int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.run = run
}

// behave ends all misbehaviour.
func (g *gate) behave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next = nil
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the loader has given up
	}
	upload := strings.HasSuffix(r.URL.Path, "/upload") && r.URL.Query().Get("dryRun") != "1"
	var a answer
	g.mu.Lock()
	run := g.run
	g.mu.Unlock()
	if upload {
		g.mu.Lock()
		g.uploads++
		if len(g.next) > 0 {
			a, g.next = g.next[0], g.next[1:]
		}
		g.mu.Unlock()
	}
	switch {
	case a.never:
		a.reply(w, r, nil)
	case a.late > 0:
		again := r.Clone(r.Context())
		g.late.Go(func() {
			time.Sleep(a.late) // the proxy's own queue
			g.forward(again, body, run, a.name)
		})
		a.reply(w, r, nil)
	default:
		rec := g.forward(r, body, run, a.name)
		if a.reply != nil {
			a.reply(w, r, rec)
			return
		}
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	}
}

// forward lets CleverTap have a request and keeps what it applied. One at a
// time, so that the order kept is the order in which CleverTap applied them.
func (g *gate) forward(r *http.Request, body []byte, run int, how string) *httptest.ResponseRecorder {
	g.mu.Lock()
	defer g.mu.Unlock()
	again := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(body))
	again.Header = r.Header
	rec := httptest.NewRecorder()
	g.account.ServeHTTP(rec, again)
	if rec.Code != http.StatusOK || r.Method != http.MethodPost || r.URL.Query().Get("dryRun") == "1" {
		return rec
	}
	here := map[string]int{} // where in applied this upload's identities are
	for _, b := range records(body, r.Header.Get("Content-Encoding")) {
		d := b.Profile
		if d == nil {
			d = b.Event
		}
		if d == nil {
			continue
		}
		i, known := here[b.Identity]
		if !known {
			i = len(g.applied)
			here[b.Identity] = i
			g.applied = append(g.applied, arrival{identity: b.Identity, first: d.V, run: run, at: time.Now(), how: how})
		}
		g.applied[i].last = d.V
		if b.Event != nil {
			g.events[row{key: b.Identity, version: d.V}.content()]++
		}
	}
	return rec
}

func records(text []byte, encoding string) []body {
	if encoding == "gzip" {
		in, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil
		}
		if text, err = io.ReadAll(in); err != nil {
			return nil
		}
	}
	var upload struct {
		D []body `json:"d"`
	}
	if json.Unmarshal(text, &upload) != nil {
		return nil // CleverTap has said what it thinks of it
	}
	return upload.D
}

// arrivals are what was applied so far, of each identity in its order.
func (g *gate) arrivals() map[string][]arrival {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string][]arrival{}
	for _, a := range g.applied {
		out[a.identity] = append(out[a.identity], a)
	}
	return out
}

// status replies with a proxy's page.
func status(code int) func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder) {
	return func(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, "<html><body>%d from the proxy</body></html>", code)
	}
}

// hangUp ends the connection without a reply.
func hangUp(w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// rewritten replies 200 with what edit makes of CleverTap's answer.
func rewritten(edit func(answer map[string]any)) func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder) {
	return func(w http.ResponseWriter, _ *http.Request, rec *httptest.ResponseRecorder) {
		var said map[string]any
		if json.Unmarshal(rec.Body.Bytes(), &said) == nil {
			edit(said)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(said)
	}
}
