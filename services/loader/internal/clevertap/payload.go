package clevertap

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// errWithdrawn is what the transport reads once an upload has been given up
// before its first byte.
var errWithdrawn = errors.New("upload was given up before it was written")

// payload is a request body in a pooled buffer, and the gate in front of it.
//
// A transport may go on reading a body after the request has returned (after a
// timeout, say). So the buffer goes back to the pool only when the last reader
// is closed, and the gate decides once whether a byte was ever handed out: the
// first read opens it, giving up closes it, and whichever comes second loses.
// That is stronger than a trace of what was written, which can fire after the
// caller has looked.
type payload struct {
	pool  *sync.Pool
	data  bytes.Buffer
	zip   *gzip.Writer // reused with the buffer
	refs  atomic.Int32
	gate  atomic.Int32
	allow func() error
	last  atomic.Pointer[time.Time] // when a byte was last handed out

	mu      sync.Mutex
	refusal error
}

const (
	gateUndecided int32 = iota
	gateOpen
	gateClosed
)

// fill copies the records as they are: {"d":[r1,r2,…]}.
func (p *payload) fill(records [][]byte, compress bool) error {
	p.data.Reset()
	p.refs.Store(1)
	p.gate.Store(gateUndecided)
	p.allow, p.refusal = nil, nil
	p.last.Store(nil)
	if !compress {
		size := len(`{"d":[]}`) + len(records)
		for _, r := range records {
			size += len(r)
		}
		p.data.Grow(size)
		return writeRecords(&p.data, records)
	}
	if p.zip == nil {
		w, err := gzip.NewWriterLevel(&p.data, gzip.BestSpeed)
		if err != nil {
			return fmt.Errorf("preparing gzip: %w", err)
		}
		p.zip = w
	}
	p.zip.Reset(&p.data)
	if err := writeRecords(p.zip, records); err != nil {
		return err
	}
	if err := p.zip.Close(); err != nil {
		return fmt.Errorf("compressing upload: %w", err)
	}
	return nil
}

func writeRecords(w io.Writer, records [][]byte) error {
	parts := [][]byte{[]byte(`{"d":[`), []byte(`,`), []byte(`]}`)}
	_, err := w.Write(parts[0])
	for i, r := range records {
		if i > 0 && err == nil {
			_, err = w.Write(parts[1])
		}
		if err == nil {
			_, err = w.Write(r)
		}
	}
	if err == nil {
		_, err = w.Write(parts[2])
	}
	if err != nil {
		return fmt.Errorf("building upload: %w", err)
	}
	return nil
}

// open returns a reader of the body; the transport closes it.
func (p *payload) open() io.ReadCloser {
	p.refs.Add(1)
	return &bodyReader{payload: p, rest: bytes.NewReader(p.data.Bytes())}
}

func (p *payload) release() {
	if p.refs.Add(-1) == 0 {
		p.pool.Put(p)
	}
}

// pass opens the gate for a reader, once the caller's check allows it.
func (p *payload) pass() error {
	switch p.gate.Load() {
	case gateOpen:
		return nil
	case gateClosed:
		return errWithdrawn
	}
	if p.allow != nil {
		if err := p.allow(); err != nil {
			p.mu.Lock()
			p.refusal = err
			p.mu.Unlock()
			return err
		}
	}
	if !p.gate.CompareAndSwap(gateUndecided, gateOpen) && p.gate.Load() == gateClosed {
		return errWithdrawn
	}
	return nil
}

// withdraw closes the gate and says whether it was in time: true means that no
// byte has left and none will.
func (p *payload) withdraw() bool {
	return p.gate.CompareAndSwap(gateUndecided, gateClosed)
}

// written is when the last byte was handed to the transport.
func (p *payload) written() time.Time {
	if at := p.last.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

func (p *payload) refused() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refusal
}

// bodyReader is one reading of a payload. Reading and closing exclude each
// other, because HTTP/2 closes a body while another goroutine reads it.
type bodyReader struct {
	payload *payload

	mu     sync.Mutex
	rest   *bytes.Reader
	closed bool
}

func (b *bodyReader) Read(into []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, errWithdrawn
	}
	if err := b.payload.pass(); err != nil {
		return 0, err
	}
	now := time.Now()
	b.payload.last.Store(&now)
	return b.rest.Read(into)
}

func (b *bodyReader) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		b.payload.release()
	}
	return nil
}
