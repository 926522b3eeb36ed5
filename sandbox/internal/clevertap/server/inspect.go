package server

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"tapline.dev/sandbox/internal/clevertap/faults"
)

// Stats is the body of GET /sandbox/v1/stats. Records are those applied.
type Stats struct {
	Profiles    int            `json:"profiles"`
	Events      int            `json:"events"`
	Uploads     int64          `json:"uploads"`
	DryRuns     int64          `json:"dryRuns"`
	Refused     int64          `json:"refused"` // with 429
	Records     int            `json:"records"`
	Unprocessed map[string]int `json:"unprocessed"` // by code
	Duplicates  int            `json:"duplicates"`
	Notices     int            `json:"notices"`
	InFlight    int            `json:"inFlight"`
	MaxInFlight int            `json:"maxInFlight"`
	Connections int64          `json:"connections"`
}

// Stats counts what has happened since the start or the last reset.
func (s *Server) Stats() Stats {
	c := s.store.Counts()
	stats := Stats{
		Profiles: c.Profiles, Events: c.Events, Records: c.Records, Unprocessed: c.Unprocessed,
		Duplicates: c.Duplicates, Notices: c.Notices, Connections: s.connections.Load(),
	}
	s.uploads.fill(&stats)
	return stats
}

func (s *Server) showStats(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, 200, s.Stats()) }

func (s *Server) showRequests(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, 200, map[string]any{"items": s.uploads.newest()})
}

func (s *Server) showStream(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, 200, map[string]any{"items": s.store.Notices()})
}

func (s *Server) showFaults(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, 200, s.faults.Get())
}

func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	var f faults.Settings
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		s.writeJSON(w, 400, map[string]string{"error": err.Error()})
		return
	}
	if err := f.Validate(); err != nil {
		s.writeJSON(w, 400, map[string]string{"error": err.Error()})
		return
	}
	s.faults.Put(f)
	s.writeJSON(w, 200, s.faults.Get())
}

// reset forgets records, counters, uploads and faults.
func (s *Server) reset(w http.ResponseWriter, _ *http.Request) {
	s.store.Reset()
	s.uploads.reset()
	s.faults.Put(faults.Settings{})
	s.connections.Store(0)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) showProfile(w http.ResponseWriter, r *http.Request) {
	v, found := s.store.Profile(r.PathValue("identity"))
	if !found {
		s.writeJSON(w, 404, map[string]string{"error": "no such profile"})
		return
	}
	s.writeJSON(w, 200, v)
}

func (s *Server) dumpProfiles(w http.ResponseWriter, _ *http.Request) {
	writeLines(w, s.store.Profiles())
}

// dumpEvents lists the events, those of one name or identity if asked.
func (s *Server) dumpEvents(w http.ResponseWriter, r *http.Request) {
	views := s.store.Events(r.URL.Query().Get("name"), r.URL.Query().Get("identity"))
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		writeLines(w, views)
		return
	}
	s.writeJSON(w, 200, map[string]any{"items": views})
}

func (s *Server) showHistory(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, 200, map[string]any{"items": s.store.Versions(r.URL.Query().Get("identity"))})
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// It fails only when the client has gone.
	_ = plainEncoder(w).Encode(v)
}

func writeLines[T any](w http.ResponseWriter, items []T) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	buffered := bufio.NewWriter(w)
	encoder := plainEncoder(buffered)
	for _, item := range items {
		if encoder.Encode(item) != nil {
			return
		}
	}
	// It fails only when the client has gone.
	_ = buffered.Flush()
}

// plainEncoder leaves <, > and & as they were sent.
func plainEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}
