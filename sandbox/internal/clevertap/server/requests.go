package server

import (
	"hash/fnv"
	"strconv"
	"sync"
	"time"
)

// Request is what inspection shows of one upload.
type Request struct {
	Seq         int64     `json:"seq"`
	Time        time.Time `json:"time"`
	Records     int       `json:"records"`
	Bytes       int       `json:"bytes"`
	Gzip        bool      `json:"gzip"`
	DryRun      bool      `json:"dryRun"`
	Status      int       `json:"status"` // 0: no answer was sent
	Processed   int       `json:"processed"`
	Unprocessed int       `json:"unprocessed"`
	Applied     bool      `json:"applied"`
	Fault       string    `json:"fault,omitempty"`
	InFlight    int       `json:"inFlight"`
	LatencyMs   float64   `json:"latencyMs"`
	Traceparent string    `json:"traceparent,omitempty"`
	Proto       string    `json:"proto"`
	FirstHash   string    `json:"firstIdentityHash,omitempty"`
	LastHash    string    `json:"lastIdentityHash,omitempty"`
}

// requestLog is a ring of the newest uploads and the gauge of those in flight.
type requestLog struct {
	size int

	mu          sync.Mutex
	ring        []Request
	uploads     int64
	dryRuns     int64
	refused     int64
	inFlight    int
	maxInFlight int
}

// enter counts an upload in and returns how many are in flight with it.
func (l *requestLog) enter() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight++
	l.maxInFlight = max(l.maxInFlight, l.inFlight)
	return l.inFlight
}

func (l *requestLog) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uploads++
	if r.DryRun {
		l.dryRuns++
	}
	if r.Status == 429 {
		l.refused++
	}
	if l.size == 0 {
		return
	}
	r.Seq = l.uploads
	if len(l.ring) < l.size {
		l.ring = append(l.ring, r)
		return
	}
	l.ring[int((r.Seq-1)%int64(l.size))] = r
}

// newest returns the uploads kept, oldest first.
func (l *requestLog) newest() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < l.size || l.size == 0 {
		return append([]Request{}, l.ring...)
	}
	at := int(l.uploads % int64(l.size))
	return append(append([]Request{}, l.ring[at:]...), l.ring[:at]...)
}

// fill adds the numbers of uploads to stats.
func (l *requestLog) fill(stats *Stats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stats.Uploads, stats.DryRuns, stats.Refused = l.uploads, l.dryRuns, l.refused
	stats.InFlight, stats.MaxInFlight = l.inFlight, l.maxInFlight
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.uploads, l.dryRuns, l.refused = nil, 0, 0, 0
	l.maxInFlight = l.inFlight
}

// identityHash is FNV-1a of the identifier, so that a test can compute it too.
func identityHash(id []byte) string {
	h := fnv.New64a()
	// A hash never fails to write.
	_, _ = h.Write(id)
	return strconv.FormatUint(h.Sum64(), 16)
}
