package loader

import (
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"tapline.dev/libs/telemetry"
	catalogue "tapline.dev/schemas/metrics"
)

// accountGauges are the states of the accounts that this process uses, for metrics. Tasks
// and the loop write, scrapes read. Slots in use are counted while a request is under way,
// not when its answer comes: an account that does not answer is fully used.
type accountGauges struct {
	mu       sync.Mutex
	accounts map[string]*accountGauge
}

// accountGauge is one account.
type accountGauge struct {
	inFlight int
	ofImport map[string]int
	busy     float64 // seconds that slots were in use, up to counted
	counted  time.Time
	state    accountState
	known    bool // the loop has said the state
}

// accountState is what the loop says of an account in each pass.
type accountState struct {
	limit, share  int
	open, refused bool
	waiting       map[string]time.Time // by import: since when records are ready for a slot and get none
}

func newAccountGauges() *accountGauges { return &accountGauges{accounts: map[string]*accountGauge{}} }

func (g *accountGauges) of(name string) *accountGauge {
	a, ok := g.accounts[name]
	if !ok {
		a = &accountGauge{ofImport: map[string]int{}}
		g.accounts[name] = a
	}
	return a
}

// count brings the time that slots were in use up to now.
func (a *accountGauge) count(now time.Time) {
	if a.inFlight > 0 {
		a.busy += now.Sub(a.counted).Seconds() * float64(a.inFlight)
	}
	a.counted = now
}

func (g *accountGauges) started(account, importName string, now time.Time) {
	g.change(account, importName, 1, now)
}

func (g *accountGauges) answered(account, importName string, now time.Time) {
	g.change(account, importName, -1, now)
}

func (g *accountGauges) change(account, importName string, by int, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(account)
	a.count(now)
	a.inFlight += by
	if importName == "" {
		return // a probe
	}
	if a.ofImport[importName] += by; a.ofImport[importName] == 0 {
		delete(a.ofImport, importName)
	}
}

// set takes the state of an account, and reports whether it is the first.
func (g *accountGauges) set(account string, state accountState) (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(account)
	first = !a.known
	a.known = true
	// Who waited before still waits since then.
	for importName := range state.waiting {
		if since, ok := a.state.waiting[importName]; ok {
			state.waiting[importName] = since
		}
	}
	a.state = state
	return first
}

// forget ends what the loop has said: its membership is over.
func (g *accountGauges) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.accounts {
		a.known, a.state = false, accountState{}
	}
}

func (g *accountGauges) observe(o telemetry.Observer, tel *telemetry.Telemetry, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, a := range g.accounts {
		a.count(now)
		account := attribute.String("account", name)
		o.Set(catalogue.LoaderInFlight, float64(a.inFlight), account)
		o.Set(catalogue.LoaderSlotsBusy, a.busy, account)
		for label, n := range byLabel(tel, a.ofImport) {
			o.Set(catalogue.LoaderInFlightOfImport, float64(n), account, label)
		}
		if !a.known {
			continue
		}
		o.Set(catalogue.LoaderSlotsLimit, float64(a.state.limit), account)
		o.Set(catalogue.LoaderSlotsShare, float64(a.state.share), account)
		o.Set(catalogue.LoaderCircuit, oneIf(a.state.open), account)
		o.Set(catalogue.LoaderRefused, oneIf(a.state.refused), account)
		oldest := map[attribute.KeyValue]float64{}
		for importName, since := range a.state.waiting {
			label := tel.ImportLabel(importName)
			oldest[label] = max(oldest[label], now.Sub(since).Seconds())
		}
		for label, age := range oldest {
			o.Set(catalogue.LoaderOldestWaiting, age, account, label)
		}
	}
}

// byLabel adds up the imports that share a label.
func byLabel(tel *telemetry.Telemetry, of map[string]int) map[attribute.KeyValue]int {
	out := map[attribute.KeyValue]int{}
	for importName, n := range maps.All(of) {
		out[tel.ImportLabel(importName)] += n
	}
	return out
}

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}
