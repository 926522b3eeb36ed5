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

// writing lists the requests that change something at a broker. Only their
// answers are lost, because only then does it matter whether a client repeats
// the request.
var writing = map[int16]kmsg.Key{
	0: kmsg.Produce, 8: kmsg.OffsetCommit, 22: kmsg.InitProducerID, 24: kmsg.AddPartitionsToTxn,
	25: kmsg.AddOffsetsToTxn, 26: kmsg.EndTxn, 28: kmsg.TxnOffsetCommit,
}

// DialFunc opens a connection.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// LostAnswers is a network that delivers every request and loses some answers:
// the broker has executed the request, and the connection ends before the client
// receives the answer. Connections must be without TLS.
type LostAnswers struct {
	mu    sync.Mutex
	rng   *rand.Rand
	share int // one answer in share answers is lost
	lost  map[string]int
}

// NewLostAnswers returns a network that loses one in share answers to the
// requests in writing. The seed decides which.
func NewLostAnswers(seed uint64, share int) *LostAnswers {
	return &LostAnswers{rng: rand.New(rand.NewPCG(seed, 9)), share: share, lost: map[string]int{}}
}

// Lost returns how many answers were lost so far, by the name of the request.
func (l *LostAnswers) Lost() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]int, len(l.lost))
	for name, n := range l.lost {
		out[name] = n
	}
	return out
}

// Dial returns dial with connections that lose answers.
func (l *LostAnswers) Dial(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &lossyConn{Conn: conn, losses: l, doomed: map[int32]string{}}, nil
	}
}

// lossyConn reads whole answers, so that it knows which request each one
// answers.
type lossyConn struct {
	net.Conn
	losses *LostAnswers
	mu     sync.Mutex
	doomed map[int32]string // correlation id → name of a request whose answer is to be lost
	answer []byte           // the part of the current answer that the client has not read yet
}

// Write implements net.Conn. It relies on the client to write each request in
// one call.
func (c *lossyConn) Write(b []byte) (int, error) {
	// A request begins with its size, key, version and correlation id.
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
