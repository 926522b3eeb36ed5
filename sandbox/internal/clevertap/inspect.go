package clevertap

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
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
	st := s.store
	st.mu.Lock()
	stats := Stats{
		Profiles: len(st.order) + len(st.last), Events: st.nEvents, Records: st.count.records,
		Duplicates: st.count.duplicates, Notices: st.count.notices, Unprocessed: map[string]int{},
	}
	for code, n := range st.count.rejected {
		stats.Unprocessed[strconv.Itoa(code)] = n
	}
	st.mu.Unlock()
	l := s.uploads
	l.mu.Lock()
	defer l.mu.Unlock()
	stats.Uploads, stats.DryRuns, stats.Refused = l.uploads, l.dryRuns, l.refused
	stats.InFlight, stats.MaxInFlight = l.inFlight, l.maxInFlight
	stats.Connections = s.connections.Load()
	return stats
}

func (s *Server) showStats(w http.ResponseWriter, _ *http.Request) { s.writeJSON(w, 200, s.Stats()) }

func (s *Server) showRequests(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, 200, map[string]any{"items": s.uploads.newest()})
}

func (s *Server) showStream(w http.ResponseWriter, _ *http.Request) {
	s.store.mu.Lock()
	notices := append([]Notice{}, s.store.stream...)
	s.store.mu.Unlock()
	s.writeJSON(w, 200, map[string]any{"items": notices})
}

func (s *Server) showFaults(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, 200, s.faults.get())
}

func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	var f Faults
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
	s.faults.put(f)
	s.writeJSON(w, 200, s.faults.get())
}

// reset forgets records, counters, uploads and faults.
func (s *Server) reset(w http.ResponseWriter, _ *http.Request) {
	s.store.reset()
	s.uploads.reset()
	s.faults.put(Faults{})
	s.connections.Store(0)
	w.WriteHeader(http.StatusNoContent)
}

// profileView is a profile as inspection shows it.
type profileView struct {
	Identity    string          `json:"identity,omitempty"`
	ObjectID    string          `json:"objectId"`
	ProfileData json.RawMessage `json:"profileData"`
	Events      int             `json:"events"`
	Records     int             `json:"records"`
}

func view(p *profile) profileView {
	v := profileView{ObjectID: p.clevertapID(), ProfileData: json.RawMessage(p.held()), Events: p.events, Records: p.records}
	if p.scheme != "objectId" {
		v.Identity = p.id
	}
	return v
}

func (s *Server) showProfile(w http.ResponseWriter, r *http.Request) {
	s.store.mu.Lock()
	p := s.store.find(r.PathValue("identity"))
	var v profileView
	if p != nil {
		v = view(p)
	}
	s.store.mu.Unlock()
	if p == nil {
		s.writeJSON(w, 404, map[string]string{"error": "no such profile"})
		return
	}
	s.writeJSON(w, 200, v)
}

func (s *Server) dumpProfiles(w http.ResponseWriter, _ *http.Request) {
	s.store.mu.Lock()
	views := make([]profileView, len(s.store.order))
	for i, p := range s.store.order {
		views[i] = view(p)
	}
	s.store.mu.Unlock()
	writeLines(w, views)
}

type eventView struct {
	Identity string          `json:"identity,omitempty"`
	ObjectID string          `json:"objectId,omitempty"`
	EvtName  string          `json:"evtName"`
	TS       int64           `json:"ts"`
	EvtData  json.RawMessage `json:"evtData"`
}

// dumpEvents lists the events, those of one name or identity if asked.
func (s *Server) dumpEvents(w http.ResponseWriter, r *http.Request) {
	name, identity := r.URL.Query().Get("name"), r.URL.Query().Get("identity")
	views := []eventView{}
	s.store.mu.Lock()
	var only *profile
	if identity != "" {
		only = s.store.find(identity)
	}
	for _, e := range s.store.events {
		if identity != "" && e.profile != only || name != "" && e.name.key != eventKey(name) {
			continue
		}
		v := eventView{EvtName: e.name.name, TS: e.ts, EvtData: json.RawMessage(e.data)}
		if e.profile.scheme == "objectId" {
			v.ObjectID = e.profile.id
		} else {
			v.Identity = e.profile.id
		}
		views = append(views, v)
	}
	s.store.mu.Unlock()
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		writeLines(w, views)
		return
	}
	s.writeJSON(w, 200, map[string]any{"items": views})
}

func (s *Server) showHistory(w http.ResponseWriter, r *http.Request) {
	type item struct {
		Seq    int64           `json:"seq"`
		Time   string          `json:"time"`
		Record json.RawMessage `json:"record"`
	}
	items := []item{}
	s.store.mu.Lock()
	if p := s.store.find(r.URL.Query().Get("identity")); p != nil {
		kept := p.history[max(0, len(p.history)-s.cfg.History):]
		for _, v := range kept {
			items = append(items, item{v.Seq, v.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), json.RawMessage(v.Record)})
		}
	}
	s.store.mu.Unlock()
	s.writeJSON(w, 200, map[string]any{"items": items})
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that is gone is no concern of the stand-in.
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
	// A client that is gone is no concern of the stand-in.
	_ = buffered.Flush()
}
