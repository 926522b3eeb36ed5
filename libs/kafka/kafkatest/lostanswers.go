package kafkatest

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// writing are the requests that change something at a broker, and whose answer
// is therefore worth losing.
var writing = map[int16]kmsg.Key{
	0: kmsg.Produce, 8: kmsg.OffsetCommit, 22: kmsg.InitProducerID, 24: kmsg.AddPartitionsToTxn,
	25: kmsg.AddOffsetsToTxn, 26: kmsg.EndTxn, 28: kmsg.TxnOffsetCommit,
}

// DialFunc opens a connection.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// LostAnswers is a network on which requests always arrive, and some answers do
// not: the broker has carried the request out and its connection ends before the
// client knows. It understands connections without TLS.
type LostAnswers struct {
	mu    sync.Mutex
	rng   *rand.Rand
	share int // one answer in so many is lost
	lost  map[string]int
}

// NewLostAnswers loses one answer in share to requests that write, at random
// from a seed.
func NewLostAnswers(seed uint64, share int) *LostAnswers {
	return &LostAnswers{rng: rand.New(rand.NewPCG(seed, 9)), share: share, lost: map[string]int{}}
}

// Lost is how many answers were lost so far, by the name of their request.
func (l *LostAnswers) Lost() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]int, len(l.lost))
	for name, n := range l.lost {
		out[name] = n
	}
	return out
}

// Dial is dial on this network.
func (l *LostAnswers) Dial(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &lossyConn{Conn: conn, losses: l, doomed: map[int32]string{}}, nil
	}
}

// lossyConn reads whole answers, so that it can tell whose they are.
type lossyConn struct {
	net.Conn
	losses *LostAnswers
	mu     sync.Mutex
	doomed map[int32]string // requests by correlation id
	answer []byte           // what is left of the answer being read
}

// Write implements net.Conn. The client writes each request at once.
func (c *lossyConn) Write(b []byte) (int, error) {
	// Size, key, version, correlation id.
	if len(b) >= 12 {
		if key, ok := writing[int16(binary.BigEndian.Uint16(b[4:]))]; ok && c.losses.draw() {
			c.mu.Lock()
			c.doomed[int32(binary.BigEndian.Uint32(b[8:]))] = key.Name()
			c.mu.Unlock()
		}
	}
	return c.Conn.Write(b)
}

func (l *LostAnswers) draw() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rng.IntN(l.share) == 0
}

// Read implements net.Conn.
func (c *lossyConn) Read(b []byte) (int, error) {
	if len(c.answer) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.answer)
	c.answer = c.answer[n:]
	return n, nil
}

func (c *lossyConn) next() error {
	head := make([]byte, 8)
	if _, err := io.ReadFull(c.Conn, head); err != nil {
		return err
	}
	size := int(binary.BigEndian.Uint32(head))
	c.answer = make([]byte, 4+size)
	copy(c.answer, head)
	if _, err := io.ReadFull(c.Conn, c.answer[8:]); err != nil {
		return err
	}
	c.mu.Lock()
	name, doomed := c.doomed[int32(binary.BigEndian.Uint32(head[4:]))]
	c.mu.Unlock()
	if !doomed {
		return nil
	}
	c.losses.mu.Lock()
	c.losses.lost[name]++
	c.losses.mu.Unlock()
	_ = c.Close()
	c.answer = nil
	return syscall.ECONNRESET
}
