package model

import (
	"context"
	"errors"
	"net"
	"sync"
)

var errCut = errors.New("the network is cut")

// network is a service's connections to Kafka and Redis. Cutting it looks from outside like
// a kill: the connections end in the middle of what they transfer.
type network struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	writes int // left until the cut; 0 for never
	isCut  bool
	cutNow chan struct{} // closed with the cut
}

func newNetwork() *network {
	return &network{conns: map[net.Conn]struct{}{}, cutNow: make(chan struct{})}
}

func (n *network) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
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

// cutAfter cuts the network at the n-th write from now, so that a crash happens between any
// two requests of a service or in the middle of one.
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
	for c := range n.conns {
		_ = c.(*wire).Conn.Close()
	}
	close(n.cutNow)
}

// wire is a connection that counts writes.
type wire struct {
	net.Conn
	network *network
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
	delete(w.network.conns, w)
	w.network.mu.Unlock()
	return w.Conn.Close()
}
