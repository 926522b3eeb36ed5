package kafkatest

import (
	"context"
	"errors"
	"net"
	"sync"
)

// errAway is what a client sees of a broker that is away.
var errAway = errors.New("the broker is away")

// Outage is a network on which the broker goes away and comes back: while it is away
// connections end and no new one opens. It concerns the clients that dial through it;
// others go on. Safe for concurrent use.
type Outage struct {
	mu    sync.Mutex
	away  bool
	conns map[net.Conn]struct{}
}

// NewOutage returns a network on which the broker is there.
func NewOutage() *Outage { return &Outage{conns: map[net.Conn]struct{}{}} }

// Begin takes the broker away.
func (o *Outage) Begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = true
	for conn := range o.conns {
		_ = conn.Close() // it is to break
	}
	clear(o.conns)
}

// End brings the broker back.
func (o *Outage) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = false
}

// Dial is for kafka.Deps.
func (o *Outage) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away {
		return nil, errors.Join(errAway, conn.Close())
	}
	o.conns[conn] = struct{}{}
	return conn, nil
}
