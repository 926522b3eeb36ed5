// Package embedded runs a Redis inside the process, for `tapline dev` and for
// tests. It speaks the real protocol on a real port and expires keys by itself.
// Its keys are lost when it ends, unless StartKept and Keep carry them in a file
// from a clean end to the next start.
package embedded

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
)

// tick is how coarsely keys expire.
const tick = 100 * time.Millisecond

// Server is a running embedded Redis.
type Server struct {
	mini     *miniredis.Miniredis
	listener net.Listener // nil where the server is reached by Dial only
	stop     chan struct{}
	running  sync.WaitGroup
	file     string // what the keys are kept in; empty for nothing

	mu    sync.Mutex
	text  string // of the error that every command gets; empty for none
	runID string
}

// Start listens on addr; an empty addr takes a free port of this machine, and
// "none" listens nowhere: use Dial, for tests in virtual time.
func Start(addr string) (*Server, error) {
	s := &Server{mini: miniredis.NewMiniRedis(), stop: make(chan struct{}), runID: newRunID()}
	// The first connection starts the server without a listener of its own.
	first, err := s.mini.Dial()
	if err != nil {
		return nil, fmt.Errorf("starting Redis: %w", err)
	}
	_ = first.Close()
	s.mini.Server().SetPreHook(s.before)
	if addr != None {
		if addr == "" {
			addr = "127.0.0.1:0"
		}
		var listen net.ListenConfig
		if s.listener, err = listen.Listen(context.Background(), "tcp", addr); err != nil {
			s.mini.Close()
			return nil, fmt.Errorf("listening for Redis: %w", err)
		}
		s.running.Go(s.accept)
	}
	s.running.Go(s.keepTime)
	return s, nil
}

// None is the address of a server that is reached by Dial only.
const None = "none"

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Dial connects without a network.
func (s *Server) Dial(context.Context, string, string) (net.Conn, error) { return s.mini.Dial() }

// Flush deletes everything, as a lost Redis would.
func (s *Server) Flush() { s.mini.FlushAll() }

// SetError makes every command fail with the text until it is called with an
// empty one.
func (s *Server) SetError(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

// FailOver remembers what the server holds now. The function it returns makes the server one
// that took over from it as a replica that had fallen behind: it holds what there was then,
// and has another run id.
func (s *Server) FailOver() (takeOver func() error, err error) {
	entries, err := entriesOf(s.mini, time.Now())
	if err != nil {
		return nil, err
	}
	return func() error {
		s.SetError("LOADING the replica takes over")
		defer s.SetError("")
		s.mini.FlushAll()
		for _, e := range entries {
			if err := e.restore(s.mini, time.Now()); err != nil {
				return fmt.Errorf("restoring the replica: %w", err)
			}
		}
		s.mu.Lock()
		s.runID = newRunID()
		s.mu.Unlock()
		return nil
	}, nil
}

func newRunID() string { return strings.ToLower(rand.Text()) }

// before sees every command. It answers INFO server, of which miniredis knows no run id:
// leases want one.
func (s *Server) before(c *server.Peer, cmd string, args ...string) (answered bool) {
	s.mu.Lock()
	text, runID := s.text, s.runID
	s.mu.Unlock()
	switch {
	case text != "":
		c.WriteError(text)
	case cmd == "INFO" && len(args) == 1 && strings.EqualFold(args[0], "server"):
		c.WriteBulk("# Server\r\nrun_id:" + runID + "\r\n")
	default:
		return false
	}
	return true
}

// Close ends the server and its connections.
func (s *Server) Close() {
	close(s.stop)
	if s.listener != nil {
		_ = s.listener.Close()
	}
	s.running.Wait()
	s.mini.Close()
}

// accept serves whoever connects until the listener is closed.
func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mini.Server().ServeConn(&boundedConn{Conn: conn})
	}
}

// keepTime lets keys expire: miniredis does not look at the clock for that.
func (s *Server) keepTime() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			s.mini.FastForward(now.Sub(last))
			last = now
		}
	}
}
