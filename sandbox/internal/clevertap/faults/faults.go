package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/clevertap/rules"
)

// Kinds of faults. A kind that is a number answers with that HTTP status.
const (
	Latency     = "latency"     // wait latencyMs plus up to jitterMs
	ResetBefore = "resetBefore" // reset the connection, apply nothing
	ResetAfter  = "resetAfter"  // apply, then reset
	Lost        = "lostAnswer"  // apply, then say nothing until the client gives up
	Late        = "lateApply"   // reset, and apply latencyMs after that
	Redirect    = "redirect"    // 302 to location
	HTML        = "html"        // a proxy's page with status 200
	Empty       = "emptyBody"   // 200 and nothing
	Truncated   = "truncated"   // 200 and half of the answer
	Counts      = "wrongCounts" // processed is one short
	EmptyFail   = "emptyFail"   // fail, processed 0, nothing listed
	Huge        = "hugeBody"    // 200 and hugeBytes of JSON
	Record555   = "record555"   // each record is refused with 555 at the share
	Marker      = "markerKey"   // 400 when a record holds marker
)

// Status holds the HTTP status of each kind that answers with one.
var Status = map[string]int{
	"400": 400, "401": 401, "403": 403, "404": 404, "413": 413, "429": 429,
	"500": 500, "502": 502, "503": 503, "504": 504,
}

var otherFaults = []string{
	Latency, ResetBefore, ResetAfter, Lost, Late, Redirect,
	HTML, Empty, Truncated, Counts, EmptyFail, Huge, Record555, Marker,
}

// Fault is one switch. It affects the share of uploads, or of records for
// record555, after the first skip of them, at most count times if count is set.
// Without share it affects all.
type Fault struct {
	Kind      string   `json:"kind"`
	Share     *float64 `json:"share,omitempty"`
	Count     int      `json:"count,omitempty"`
	Skip      int      `json:"skip,omitempty"`
	LatencyMs int      `json:"latencyMs,omitempty"`
	JitterMs  int      `json:"jitterMs,omitempty"`
	Applied   bool     `json:"applied,omitempty"` // apply before a status, html, emptyBody, …
	Marker    string   `json:"marker,omitempty"`
	Location  string   `json:"location,omitempty"`
	HugeBytes int      `json:"hugeBytes,omitempty"`

	Tried int `json:"tried"` // uploads it looked at
	Hits  int `json:"hits"`  // uploads or records it affected
}

// Settings is the body of PUT and GET /sandbox/v1/faults.
type Settings struct {
	Seed   uint64  `json:"seed"`
	Faults []Fault `json:"faults"`
}

// Validate reports the first switch that makes no sense.
func (f Settings) Validate() error {
	for i, fault := range f.Faults {
		if Status[fault.Kind] == 0 && !slices.Contains(otherFaults, fault.Kind) {
			return fmt.Errorf("faults[%d]: unknown kind %q", i, fault.Kind)
		}
		if fault.Share != nil && (*fault.Share < 0 || *fault.Share > 1) {
			return fmt.Errorf("faults[%d]: share must lie between 0 and 1", i)
		}
		if fault.Count < 0 || fault.Skip < 0 || fault.LatencyMs < 0 || fault.JitterMs < 0 || fault.HugeBytes < 0 {
			return fmt.Errorf("faults[%d]: numbers must not be negative", i)
		}
		if fault.Kind == Marker && fault.Marker == "" {
			return fmt.Errorf("faults[%d]: markerKey needs marker", i)
		}
	}
	return nil
}

// Plan is what the switches do to one upload.
type Plan struct {
	Latency time.Duration
	Fault   *Fault // a copy: the one that decides the answer
	Markers []string
}

// Kind is the kind of the fault that decides the answer, or "".
func (p Plan) Kind() string {
	if p.Fault == nil {
		return ""
	}
	return p.Fault.Kind
}

// Switchboard holds the faults in force.
type Switchboard struct {
	mu   sync.Mutex
	set  Settings
	rand *rand.Rand
}

// Put replaces the faults and their counts.
func (b *Switchboard) Put(f Settings) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range f.Faults {
		f.Faults[i].Tried, f.Faults[i].Hits = 0, 0
	}
	b.set, b.rand = f, rand.New(rand.NewPCG(f.Seed, 1))
}

// Get is the faults in force with their counts.
func (b *Switchboard) Get() Settings {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Settings{Seed: b.set.Seed, Faults: append([]Fault{}, b.set.Faults...)}
}

// Draw decides what happens to an upload: latencies add up, and the first switch of
// the list that affects it decides the answer.
func (b *Switchboard) Draw() Plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	var p Plan
	for i := range b.set.Faults {
		f := &b.set.Faults[i]
		switch f.Kind {
		case Record555:
			continue
		case Marker:
			p.Markers = append(p.Markers, f.Marker)
			continue
		}
		if f.Kind != Latency && p.Fault != nil || !b.affects(f) {
			continue
		}
		wait := time.Duration(f.LatencyMs) * time.Millisecond
		if f.JitterMs > 0 {
			wait += time.Duration(b.rand.Int64N(int64(f.JitterMs) * int64(time.Millisecond)))
		}
		if f.Kind != Late {
			p.Latency += wait
		}
		if f.Kind != Latency {
			hit := *f
			p.Fault = &hit
		}
	}
	return p
}

// RefuseRecords refuses accepted records with 555 as the switches say.
func (b *Switchboard) RefuseRecords(records []rules.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.set.Faults {
		f := &b.set.Faults[i]
		if f.Kind != Record555 {
			continue
		}
		for j := range records {
			if records[j].Code == 0 && b.affects(f) {
				records[j].Code = rules.CodeMiscellaneous
			}
		}
	}
}

// affects counts an upload or a record that the switch sees, and says whether it is affected.
func (b *Switchboard) affects(f *Fault) bool {
	f.Tried++
	if f.Tried <= f.Skip || f.Count > 0 && f.Hits >= f.Count {
		return false
	}
	if f.Share != nil && b.rand.Float64() >= *f.Share {
		return false
	}
	f.Hits++
	return true
}
