package wire

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/snowflake/engine"
	"tapline.dev/sandbox/internal/snowflake/resultset"
)

// faultSettings are the faults that the sandbox Snowflake makes. Each count is decremented
// when its fault happens.
type faultSettings struct {
	Chunk503        int   `json:"chunk503"`         // chunk requests answered by 503
	ChunkReset      int   `json:"chunkReset"`       // chunks ended by a TCP reset in the middle
	ChunkTruncated  int   `json:"chunkTruncated"`   // chunks that end early, as if complete
	ChunkShort      int   `json:"chunkShort"`       // chunks that lack their last row
	ChunkStall      int   `json:"chunkStall"`       // chunks that stop in the middle while the connection stays open
	ChunkStallMS    int   `json:"chunkStallMs"`     // for how long (30 s if 0)
	ExpireLinks     int   `json:"expireChunkLinks"` // chunk requests before which all links expire, as after six hours
	WrongTotal      int64 `json:"wrongTotal"`       // added to the total of every result
	ExpireSessions  int   `json:"expireSessions"`   // requests before which all sessions expire
	SlowQueryMS     int   `json:"slowQueryMs"`      // wait before each statement
	LoseResults     bool  `json:"loseResults"`      // no result is found by its query id
	RefuseStatement int   `json:"refuseStatement"`  // statements refused because no warehouse is selected
	VaryCarriers    bool  `json:"varyCarriers"`     // each chunk has its own carriers for NUMBERs
}

// linkValidity is how long the link of a chunk is valid. Afterwards the result has new links.
const linkValidity = 6 * time.Hour

type faults struct {
	mu sync.Mutex
	faultSettings
	linksFrom time.Time // links issued earlier have expired
}

// expired reports whether a link of this time can no longer be used.
func (f *faults) expired(issued time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if take(&f.ExpireLinks) {
		f.linksFrom = time.Now()
	}
	return issued.Before(f.linksFrom) || time.Since(issued) > linkValidity
}

func (f *faults) total(rows int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return rows + f.WrongTotal
}

func (f *faults) slow() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Duration(f.SlowQueryMS) * time.Millisecond
}

func (f *faults) lost() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.LoseResults
}

func (f *faults) varied() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.VaryCarriers
}

func take(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}

func (f *faults) takeExpire() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return take(&f.ExpireSessions)
}

func (f *faults) takeRefusal() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return take(&f.RefuseStatement)
}

type chunkFault int

const (
	chunkFine chunkFault = iota
	chunkUnavailable
	chunkReset
	chunkTruncated
	chunkShort
	chunkStalled
)

func (f *faults) takeChunk() (chunkFault, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stall := time.Duration(f.ChunkStallMS) * time.Millisecond
	if stall == 0 {
		stall = 30 * time.Second
	}
	switch {
	case take(&f.Chunk503):
		return chunkUnavailable, 0
	case take(&f.ChunkReset):
		return chunkReset, 0
	case take(&f.ChunkTruncated):
		return chunkTruncated, 0
	case take(&f.ChunkShort):
		return chunkShort, 0
	case take(&f.ChunkStall):
		return chunkStalled, stall
	}
	return chunkFine, 0
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	writeJSON(w, s.faults.faultSettings)
}

func (s *Server) putFaults(w http.ResponseWriter, req *http.Request) {
	var in faultSettings
	if !readJSON(w, req, &in) {
		return
	}
	s.faults.mu.Lock()
	s.faults.faultSettings = in
	s.faults.mu.Unlock()
	writeJSON(w, in)
}

// serveChunk serves a chunk, or makes the fault that is set.
func (s *Server) serveChunk(w http.ResponseWriter, req *http.Request) {
	q := s.find(req.PathValue("id"))
	n, err := strconv.Atoi(req.PathValue("n"))
	if q == nil || err != nil || req.Header.Get("X-Sandbox-Chunk") != q.id {
		http.Error(w, "no such chunk", http.StatusNotFound)
		return
	}
	q.mu.Lock()
	r := q.result
	q.mu.Unlock()
	if r == nil || n < 0 || n >= len(r.Chunks) {
		http.Error(w, "no such chunk", http.StatusNotFound)
		return
	}
	issued, err := strconv.ParseInt(req.URL.Query().Get("issued"), 10, 64)
	if at := time.Unix(0, issued); err != nil || time.Since(at) > s.cfg.ChunkValidity || s.faults.expired(at) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
		return
	}
	data := r.Chunks[n].Gzip
	fault, stall := s.faults.takeChunk()
	w.Header().Set("Content-Type", "application/octet-stream")
	switch fault {
	case chunkUnavailable:
		http.Error(w, "slow down", http.StatusServiceUnavailable)
		return
	case chunkTruncated:
		data = data[:len(data)/2]
	case chunkShort:
		if data, err = resultset.WithoutLastRow(data); err != nil {
			http.Error(w, "the chunk cannot be shortened", http.StatusInternalServerError)
			return
		}
	case chunkReset, chunkStalled:
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data[:len(data)/2])
		_ = http.NewResponseController(w).Flush()
		if fault == chunkStalled && engine.Pause(req.Context(), stall) == nil {
			_, _ = w.Write(data[len(data)/2:])
			return
		}
		panic(http.ErrAbortHandler) // cuts the connection
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // fails only if the client has disconnected
}
