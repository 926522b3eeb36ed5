package kafkatest

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
)

// Damaged is a network on which a bit flips in every answer of Kafka's that holds a mark,
// as after a fault of the broker's disk: the checksum of the batch is wrong each time that
// it is read. Safe for concurrent use.
type Damaged struct {
	mark     []byte
	repaired atomic.Bool
	met      atomic.Int64
}

// NewDamaged returns a network that damages batches with the mark.
func NewDamaged(mark string) *Damaged { return &Damaged{mark: []byte(mark)} }

// Met is how many answers were damaged.
func (d *Damaged) Met() int64 { return d.met.Load() }

// Repair ends the damage.
func (d *Damaged) Repair() { d.repaired.Store(true) }

// Dial is for kafka.Deps.
func (d *Damaged) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &damagedConn{conn, d}, nil
}

type damagedConn struct {
	net.Conn
	network *Damaged
}

func (c *damagedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if at := bytes.Index(b[:n], c.network.mark); at >= 0 && !c.network.repaired.Load() {
		b[at] ^= 1
		c.network.met.Add(1)
	}
	return n, err
}
