package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// checkTimeout bounds one readiness check; probes give up soon after.
const checkTimeout = 2 * time.Second

// errDraining is the readiness of a service that is stopping.
var errDraining = errors.New("draining")

// errNotYet is the state of a gate before its first report.
var errNotYet = errors.New("not started")

// Check returns nil if the thing it looks at works. It is called concurrently
// and must end when ctx does. Its error is shown to whoever reaches the admin
// port, so it names coordinates and no secrets.
type Check func(ctx context.Context) error

// Health is a registry of named readiness checks. A service is ready when all of
// them pass and it is not draining; without checks it is ready.
type Health struct {
	mu       sync.Mutex
	checks   []namedCheck
	draining bool
}

type namedCheck struct {
	name  string
	check Check
	// degrades says that the service goes on without what the check looks at.
	degrades bool
}

// NewHealth returns an empty registry.
func NewHealth() *Health { return &Health{} }

// Add registers a check, in place of an earlier one of the same name.
func (h *Health) Add(name string, check Check) { h.add(namedCheck{name: name, check: check}) }

// AddDegrading registers a check of something that the service goes on without: while it
// fails, the service is ready and says that it is degraded.
func (h *Health) AddDegrading(name string, check Check) {
	h.add(namedCheck{name: name, check: check, degrades: true})
}

func (h *Health) add(added namedCheck) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = slices.DeleteFunc(h.checks, func(c namedCheck) bool { return c.name == added.name })
	h.checks = append(h.checks, added)
	slices.SortFunc(h.checks, func(a, b namedCheck) int { return strings.Compare(a.name, b.name) })
}

// Gate registers a check that returns the error last given to report, and that
// fails until the first call of report. It is for states that a service knows
// without asking anybody.
func (h *Health) Gate(name string) (report func(error)) {
	var mu sync.Mutex
	state := errNotYet
	h.Add(name, func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		return state
	})
	return func(err error) {
		mu.Lock()
		defer mu.Unlock()
		state = err
	}
}

// Drain makes the service not ready until the process ends.
func (h *Health) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

// Result is the outcome of one check.
type Result struct {
	Name string
	Err  error
	// Degrades says that the service is ready although the check fails.
	Degrades bool
}

// Results runs all checks at once and returns their outcomes by name.
func (h *Health) Results(ctx context.Context) []Result {
	h.mu.Lock()
	checks := slices.Clone(h.checks)
	draining := h.draining
	h.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	results := make([]Result, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { results[i] = Result{c.name, c.check(ctx), c.degrades} })
	}
	wg.Wait()
	if draining {
		results = append(results, Result{Name: "daemon", Err: errDraining})
	}
	return results
}

// Ready returns nil if every check passes, else what fails.
func (h *Health) Ready(ctx context.Context) error {
	var errs []error
	for _, r := range h.Results(ctx) {
		if r.Err != nil && !r.Degrades {
			errs = append(errs, fmt.Errorf("%s: %w", r.Name, r.Err))
		}
	}
	return errors.Join(errs...)
}

// serveReady answers 200 or 503; with ?verbose, or when not ready, a line for
// each check.
func (h *Health) serveReady(w http.ResponseWriter, r *http.Request) {
	results := h.Results(r.Context())
	var b strings.Builder
	status := http.StatusOK
	for _, result := range results {
		if result.Err != nil && result.Degrades {
			fmt.Fprintf(&b, "[~] %s: degraded: %v\n", result.Name, result.Err)
			continue
		}
		if result.Err != nil {
			status = http.StatusServiceUnavailable
			fmt.Fprintf(&b, "[-] %s: %v\n", result.Name, result.Err)
			continue
		}
		fmt.Fprintf(&b, "[+] %s\n", result.Name)
	}
	text := "ready\n"
	if status != http.StatusOK {
		text = "not ready\n"
	}
	if r.URL.Query().Has("verbose") || status != http.StatusOK {
		text = b.String() + text
	}
	writeText(w, status, text)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// If the write fails, the prober is gone and nobody can be told.
	_, _ = io.WriteString(w, text)
}
