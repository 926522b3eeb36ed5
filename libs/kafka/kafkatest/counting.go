package kafkatest

import (
	"context"
	"encoding/binary"
	"maps"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Counting is a network that counts the requests that clients send to Kafka, by their
// names: a test of what work costs, which does not depend on how fast the machine is.
// Connections must be without TLS.
type Counting struct {
	mu       sync.Mutex
	requests map[string]int
}

// NewCounting returns a network without requests.
func NewCounting() *Counting { return &Counting{requests: map[string]int{}} }

// Requests returns how many requests were sent so far, by name, such as "OffsetFetch".
func (c *Counting) Requests() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.requests)
}

// Reset begins to count anew.
func (c *Counting) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.requests)
}

// Dial is for kafka.Deps.
func (c *Counting) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &countingConn{conn, c}, nil
}

type countingConn struct {
	net.Conn
	network *Counting
}

// Write implements net.Conn. It relies on the client to write each request in one call;
// a request begins with its size and key.
func (c *countingConn) Write(b []byte) (int, error) {
	if len(b) >= 6 {
		c.network.mu.Lock()
		c.network.requests[kmsg.NameForKey(int16(binary.BigEndian.Uint16(b[4:])))]++
		c.network.mu.Unlock()
	}
	return c.Conn.Write(b)
}
