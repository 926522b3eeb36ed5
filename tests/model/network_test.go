package model

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

var errCut = errors.New("the network is cut")

// network is one process's way to Kafka and Redis. Cutting it is what a machine
// that vanishes looks like from outside: nothing more comes from it, and nobody
// tells the other side. (The embedded broker never lets go of a group's member
// whose connection ends while it joins, so the connections stay open.)
type network struct {
	mu     sync.Mutex
	conns  map[*wire]struct{}
	writes int // left until the cut; 0 for never
	isCut  bool
	cutNow chan struct{} // closed with the cut
}

func newNetwork() *network {
	return &network{conns: map[*wire]struct{}{}, cutNow: make(chan struct{})}
}

func (n *network) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	select {
	case <-n.cutNow:
		return nil, errCut
	default:
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, kind, addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.isCut {
		_ = conn.Close()
		return nil, errCut
	}
	c := &wire{Conn: conn, network: n}
	n.conns[c] = struct{}{}
	return c, nil
}

// cutAfter cuts the network at the given write from now on, so that a crash
// falls between any two requests of a process, or into the middle of one.
func (n *network) cutAfter(writes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.writes = writes
}

func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cutLocked()
}

func (n *network) cutLocked() {
	if n.isCut {
		return
	}
	n.isCut = true
	close(n.cutNow)
	for c := range n.conns {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // ends a read that waits
		go c.drain()
	}
}

// end closes what a cut has left open.
func (n *network) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		_ = c.Conn.Close()
	}
}

// wire is a connection that counts.
type wire struct {
	net.Conn
	network *network
	reading sync.Mutex
}

func (w *wire) cut() bool {
	select {
	case <-w.network.cutNow:
		return true
	default:
		return false
	}
}

func (w *wire) Read(b []byte) (int, error) {
	if w.cut() {
		return 0, errCut
	}
	w.reading.Lock()
	defer w.reading.Unlock()
	n, err := w.Conn.Read(b)
	if w.cut() {
		return 0, errCut
	}
	return n, err
}

// drain takes what the other side still sends.
func (w *wire) drain() {
	w.reading.Lock()
	defer w.reading.Unlock()
	_ = w.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, w.Conn)
}

func (w *wire) Write(b []byte) (int, error) {
	n := w.network
	n.mu.Lock()
	if n.writes > 0 {
		if n.writes--; n.writes == 0 {
			n.cutLocked()
		}
	}
	cut := n.isCut
	n.mu.Unlock()
	if cut {
		return 0, errCut
	}
	return w.Conn.Write(b)
}

func (w *wire) Close() error {
	w.network.mu.Lock()
	defer w.network.mu.Unlock()
	if w.network.isCut {
		return nil
	}
	delete(w.network.conns, w)
	return w.Conn.Close()
}
