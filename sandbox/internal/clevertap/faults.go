package clevertap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Kinds of faults. The numbers answer with that status; what the others do is
// said beside them.
const (
	faultLatency     = "latency"     // wait latencyMs plus up to jitterMs
	faultResetBefore = "resetBefore" // reset the connection, apply nothing
	faultResetAfter  = "resetAfter"  // apply, then reset
	faultLost        = "lostAnswer"  // apply, then say nothing until the client gives up
	faultLate        = "lateApply"   // reset, and apply latencyMs after that
	faultRedirect    = "redirect"    // 302 to location
	faultHTML        = "html"        // a proxy's page with status 200
	faultEmpty       = "emptyBody"   // 200 and nothing
	faultTruncated   = "truncated"   // 200 and half of the answer
	faultCounts      = "wrongCounts" // processed is one short
	faultEmptyFail   = "emptyFail"   // fail, processed 0, nothing listed
	faultHuge        = "hugeBody"    // 200 and hugeBytes of JSON
	faultRecord555   = "record555"   // each record is refused with 555 at the share
	faultMarker      = "markerKey"   // 400 when a record holds marker
)

var statusFaults = map[string]int{
	"400": 400, "401": 401, "403": 403, "404": 404, "413": 413, "429": 429,
	"500": 500, "502": 502, "503": 503, "504": 504,
}

var otherFaults = []string{
	faultLatency, faultResetBefore, faultResetAfter, faultLost, faultLate, faultRedirect,
	faultHTML, faultEmpty, faultTruncated, faultCounts, faultEmptyFail, faultHuge, faultRecord555, faultMarker,
}

// Fault is one switch. It strikes the share of uploads, or of records for
// record555, after the first skip of them, at most count times if count is
// set. Without share it strikes all.
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
	Hits  int `json:"hits"`  // uploads or records it struck
}

// Faults is the body of PUT and GET /sandbox/v1/faults.
type Faults struct {
	Seed   uint64  `json:"seed"`
	Faults []Fault `json:"faults"`
}

// Validate reports the first switch that makes no sense.
func (f Faults) Validate() error {
	for i, fault := range f.Faults {
		if statusFaults[fault.Kind] == 0 && !slices.Contains(otherFaults, fault.Kind) {
			return fmt.Errorf("faults[%d]: unknown kind %q", i, fault.Kind)
		}
		if fault.Share != nil && (*fault.Share < 0 || *fault.Share > 1) {
			return fmt.Errorf("faults[%d]: share must lie between 0 and 1", i)
		}
		if fault.Count < 0 || fault.Skip < 0 || fault.LatencyMs < 0 || fault.JitterMs < 0 || fault.HugeBytes < 0 {
			return fmt.Errorf("faults[%d]: numbers must not be negative", i)
		}
		if fault.Kind == faultMarker && fault.Marker == "" {
			return fmt.Errorf("faults[%d]: markerKey needs marker", i)
		}
	}
	return nil
}

// plan is what the switches have in store for one upload.
type plan struct {
	latency time.Duration
	strike  *Fault // a copy: the one that decides the answer
	markers []string
}

func (p plan) kind() string {
	if p.strike == nil {
		return ""
	}
	return p.strike.Kind
}

// switchboard holds the faults in force.
type switchboard struct {
	mu   sync.Mutex
	set  Faults
	rand *rand.Rand
}

func (b *switchboard) put(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range f.Faults {
		f.Faults[i].Tried, f.Faults[i].Hits = 0, 0
	}
	b.set, b.rand = f, rand.New(rand.NewPCG(f.Seed, 1))
}

func (b *switchboard) get() Faults {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Faults{Seed: b.set.Seed, Faults: append([]Fault{}, b.set.Faults...)}
}

// draw settles the fate of an upload: latencies add up, and the first switch
// of the list that strikes decides the answer.
func (b *switchboard) draw() plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	var p plan
	for i := range b.set.Faults {
		f := &b.set.Faults[i]
		switch f.Kind {
		case faultRecord555:
			continue
		case faultMarker:
			p.markers = append(p.markers, f.Marker)
			continue
		}
		if f.Kind != faultLatency && p.strike != nil || !b.strikes(f) {
			continue
		}
		wait := time.Duration(f.LatencyMs) * time.Millisecond
		if f.JitterMs > 0 {
			wait += time.Duration(b.rand.Int64N(int64(f.JitterMs) * int64(time.Millisecond)))
		}
		if f.Kind != faultLate {
			p.latency += wait
		}
		if f.Kind != faultLatency {
			hit := *f
			p.strike = &hit
		}
	}
	return p
}

// spoil refuses accepted records with 555 as the switches say.
func (b *switchboard) spoil(records []record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.set.Faults {
		f := &b.set.Faults[i]
		if f.Kind != faultRecord555 {
			continue
		}
		for j := range records {
			if records[j].code == 0 && b.strikes(f) {
				records[j].code = codeMiscellaneous
			}
		}
	}
}

func (b *switchboard) strikes(f *Fault) bool {
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
