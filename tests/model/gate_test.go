package model

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/sandbox"
)

// arrival is the part of an applied upload that is about one identity: its first and last
// version.
type arrival struct {
	identity string
	first    int
	last     int
	run      int // number of the run in which the request reached the gate
	at       time.Time
	how      string // the fault that the request met
	// unsure says that the process got no CPU for a while shortly before: the request may
	// have been written too long ago to be applied.
	unsure bool
}

// answer is what a gate does with one request: whether and when it passes it to CleverTap,
// and how it replies to the loader.
type answer struct {
	name   string
	late   time.Duration // CleverTap gets it so long after the loader has its reply
	never  bool          // CleverTap does not get it at all
	slow   time.Duration // for each record, before the answer is passed on
	checks bool          // requests that store nothing meet it too
	reply  reply
	// refuse gives codes to records by their place in the upload; CleverTap gets
	// the others.
	refuse func(sent int) map[int]int
}

// gate is a proxy before its own CleverTap account. It records the order in which versions
// arrive, and makes the faults that are set.
type gate struct {
	server  *httptest.Server
	account http.Handler
	late    sync.WaitGroup // requests that CleverTap gets after their reply
	// latest is when a request that came at an instant is applied at the latest, or
	// never: what the loader is told of the proxies before CleverTap.
	latest time.Duration

	mu        sync.Mutex
	applied   []arrival
	events    map[string]int // by content: how often it is stored
	even      map[string]int // by identity: what stands in the property that only some versions write
	holds     map[string]int // by identity: the version that the profile has
	next      []answer       // for the uploads to come, one each
	spell     answer         // for every request until spellEnds
	spellEnds time.Time
	forbidden []string // contents that a firewall refuses
	run       int      // number of the run that was triggered last
}

func newGate(t testing.TB, openTime time.Duration) *gate {
	t.Helper()
	cfg := sandbox.DefaultCleverTapConfig()
	g := &gate{
		account: sandbox.NewCleverTap(cfg, slog.New(slog.DiscardHandler)).Handler(), events: map[string]int{}, even: map[string]int{}, holds: map[string]int{},
		latest: openTime * 8 / 10, // the loader counts from the moment before
	}
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
		g.late.Wait()
	})
	return g
}

// misbehave sets the answer for the next n uploads.
func (g *gate) misbehave(n int, a answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range n {
		g.next = append(g.next, a)
	}
}

// begins sets the answer for every request within a duration.
func (g *gate) begins(length time.Duration, a answer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spell, g.spellEnds = a, time.Now().Add(length)
}

// forbid makes a firewall refuse every request with a content.
func (g *gate) forbid(content string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forbidden = append(g.forbidden, content)
}

// begin tells the gate which run is triggered.
func (g *gate) begin(run int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.run = run
}

// behave ends all faults.
func (g *gate) behave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next, g.spell, g.spellEnds, g.forbidden = nil, answer{}, time.Time{}, nil
}

// meets returns the answer for a request, and the run that it belongs to.
func (g *gate) meets(r *http.Request, list []body) (answer, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	upload := strings.HasSuffix(r.URL.Path, "/upload") && !isCheck(r)
	spell := time.Now().Before(g.spellEnds)
	switch {
	case upload && slices.ContainsFunc(list, func(b body) bool { return slices.Contains(g.forbidden, b.content()) }):
		return answer{name: "a firewall's 403 for one record", never: true, reply: status(http.StatusForbidden)}, g.run
	case spell && (upload || g.spell.checks):
		return g.spell, g.run
	case upload && len(g.next) > 0:
		a := g.next[0]
		g.next = g.next[1:]
		return a, g.run
	}
	return answer{}, g.run
}

func isCheck(r *http.Request) bool { return r.URL.Query().Get("dryRun") == "1" }

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	came := time.Now()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return // the loader has ended the request
	}
	text = plain(text, r.Header.Get("Content-Encoding"))
	a, run := g.meets(r, records(text))
	switch {
	case a.refuse != nil:
		a.wait(r, text)
		g.refuse(w, r, text, run, a)
	case a.never:
		a.reply(w, r, nil)
	case a.late > 0:
		again := r.Clone(r.Context())
		g.late.Go(func() {
			time.Sleep(a.late) // the proxy's own queue
			if time.Since(came) < g.latest {
				g.forward(again, text, run, a.name)
			}
		})
		a.reply(w, r, nil)
	default:
		rec := g.forward(r, text, run, a.name)
		a.wait(r, text)
		if a.reply == nil {
			a.reply = passed
		}
		a.reply(w, r, rec)
	}
}

// wait waits as long as the answer says for each record.
func (a answer) wait(r *http.Request, text []byte) {
	if a.slow == 0 {
		return
	}
	select {
	case <-time.After(a.slow * time.Duration(len(records(text)))):
	case <-r.Context().Done():
	}
}

// passed replies with CleverTap's answer.
func passed(w http.ResponseWriter, _ *http.Request, rec *httptest.ResponseRecorder) {
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// forward passes a request to CleverTap and records what was applied. One at a
// time, so that the order kept is the order in which CleverTap applied them.
func (g *gate) forward(r *http.Request, text []byte, run int, how string) *httptest.ResponseRecorder {
	g.mu.Lock()
	defer g.mu.Unlock()
	again := httptest.NewRequest(r.Method, r.URL.String(), bytes.NewReader(text))
	again.Header = r.Header.Clone()
	again.Header.Del("Content-Encoding")
	rec := httptest.NewRecorder()
	g.account.ServeHTTP(rec, again)
	if rec.Code != http.StatusOK || r.Method != http.MethodPost || isCheck(r) {
		return rec
	}
	here := map[string]int{} // where in applied this upload's identities are
	for _, b := range records(text) {
		i, known := here[b.Identity]
		if !known {
			i = len(g.applied)
			here[b.Identity] = i
			g.applied = append(g.applied, arrival{identity: b.Identity, first: b.version(), run: run, at: time.Now(), how: how, unsure: processPace.stumbled(time.Now().Add(-2 * g.latest))})
		}
		g.applied[i].last = b.version()
		g.holds[b.Identity] = b.version()
		if even := b.data().Even; even > 0 {
			g.even[b.Identity] = even
		}
		if b.Event != nil {
			g.events[b.content()]++
		}
	}
	return rec
}

// refuse answers some records of an upload with codes and passes the others to CleverTap.
func (g *gate) refuse(w http.ResponseWriter, r *http.Request, text []byte, run int, a answer) {
	var upload struct {
		D []json.RawMessage `json:"d"`
	}
	if json.Unmarshal(text, &upload) != nil {
		http.Error(w, "no upload", http.StatusBadRequest)
		return
	}
	g.mu.Lock()
	codes := a.refuse(len(upload.D))
	g.mu.Unlock()
	var failures []any
	left := upload.D[:0:0]
	for i, record := range upload.D {
		if code, refused := codes[i]; refused {
			failures = append(failures, failure(code, i+1))
		} else {
			left = append(left, record)
		}
	}
	said := map[string]any{"status": "fail", "processed": len(left), "unprocessed": failures}
	if len(left) > 0 {
		upload.D = left
		rest, err := json.Marshal(upload)
		if err == nil {
			g.forward(r, rest, run, a.name)
		}
		said["status"] = "partial"
	}
	if len(failures) == 0 {
		said = map[string]any{"status": "success", "processed": len(left), "unprocessed": []any{}}
	}
	writeJSON(w, http.StatusOK, said)
}

// arrivals returns what was applied so far, for each identity in its order.
func (g *gate) arrivals() map[string][]arrival {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := map[string][]arrival{}
	for _, a := range g.applied {
		out[a.identity] = append(out[a.identity], a)
	}
	return out
}
