package server

import (
	"hash/maphash"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"tapline.dev/sandbox/internal/clevertap/account"
	"tapline.dev/sandbox/internal/clevertap/faults"
	"tapline.dev/sandbox/internal/clevertap/records"
	"tapline.dev/sandbox/internal/clevertap/rules"
)

// Server is the sandbox CleverTap: an http.Handler with its records and its fault
// switches.
type Server struct {
	cfg     account.Config
	seed    maphash.Seed
	store   *records.Store
	faults  *faults.Switchboard
	uploads *requestLog
	lookups *requestLog
	buffers sync.Pool
	mux     *http.ServeMux

	connections atomic.Int64
	stop        chan struct{}
	stopOnce    sync.Once
}

// New makes a stand-in for one account.
func New(cfg account.Config) *Server {
	s := &Server{
		cfg:     cfg,
		seed:    maphash.MakeSeed(),
		faults:  &faults.Switchboard{},
		uploads: &requestLog{size: cfg.Requests},
		lookups: &requestLog{},
		mux:     http.NewServeMux(),
		stop:    make(chan struct{}),
	}
	s.store = records.NewStore(cfg, s.seed)
	s.faults.Put(faults.Settings{})
	s.buffers.New = func() any {
		return &buffers{decoder: s.decoder()}
	}
	s.routes()
	return s
}

func (s *Server) routes() {
	s.mux.HandleFunc("POST /1/upload", s.upload)
	s.mux.HandleFunc("GET /1/profile.json", s.lookup)
	s.mux.HandleFunc("GET /sandbox/v1/profiles", s.dumpProfiles)
	s.mux.HandleFunc("GET /sandbox/v1/profiles/{identity}", s.showProfile)
	s.mux.HandleFunc("GET /sandbox/v1/events", s.dumpEvents)
	s.mux.HandleFunc("GET /sandbox/v1/history", s.showHistory)
	s.mux.HandleFunc("GET /sandbox/v1/requests", s.showRequests)
	s.mux.HandleFunc("GET /sandbox/v1/stats", s.showStats)
	s.mux.HandleFunc("GET /sandbox/v1/errors", s.showStream)
	s.mux.HandleFunc("GET /sandbox/v1/faults", s.showFaults)
	s.mux.HandleFunc("PUT /sandbox/v1/faults", s.putFaults)
	s.mux.HandleFunc("POST /sandbox/v1/reset", s.reset)
}

// ServeHTTP answers CleverTap's endpoints and the inspection endpoints.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// ConnState counts connections; it is for http.Server.ConnState.
func (s *Server) ConnState(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.connections.Add(1)
	}
}

// Stop ends the requests whose answer a fault withholds, so that a server that is
// shut down does not wait for them.
func (s *Server) Stop() { s.stopOnce.Do(func() { close(s.stop) }) }

// authorize answers as the API does for the wrong account (recorded) and the
// wrong passcode (from a third party's mock).
func (s *Server) authorize(r *http.Request) (answer, bool) {
	if r.Header.Get("X-CleverTap-Account-ID") != s.cfg.AccountID {
		return failure(http.StatusUnauthorized, "Account ID is not valid"), false
	}
	if r.Header.Get("X-CleverTap-Passcode") != string(s.cfg.Passcode) {
		return failure(http.StatusUnauthorized, "Invalid Credentials"), false
	}
	return answer{}, true
}

// Restore applies what the journal at path holds and goes on writing to it. It is called
// before the first request.
func (s *Server) Restore(path string) error { return s.store.Restore(path, s.decoder()) }

// CloseJournal writes what is pending. Without a journal it does nothing.
func (s *Server) CloseJournal() error { return s.store.CloseJournal() }

func (s *Server) decoder() *rules.Decoder { return rules.NewDecoder(s.cfg, s.seed) }
