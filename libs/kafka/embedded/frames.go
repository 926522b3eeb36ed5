package embedded

import (
	"encoding/binary"
	"fmt"
	"net"
)

// maxFrame is more than any request of Tapline's: message.max.bytes and what a
// produce of several partitions adds. The broker allocates what a frame's length
// says before it reads it, and the first bytes of an HTTP request say 1.2 GB.
const maxFrame = 100 << 20

// bounded refuses frames beyond maxFrame before the broker sees their length.
type bounded struct{ net.Listener }

func (l bounded) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &frames{Conn: conn}, nil
}

// frames is a connection whose frames are measured as they pass. One goroutine
// reads it.
type frames struct {
	net.Conn
	length [4]byte // of the frame that begins
	have   int     // bytes of it
	left   int64   // bytes of the frame that have not passed
}

func (f *frames) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		if f.left > 0 {
			passed := min(f.left, int64(len(rest)))
			f.left -= passed
			rest = rest[passed:]
			continue
		}
		copied := copy(f.length[f.have:], rest)
		f.have += copied
		rest = rest[copied:]
		if f.have < len(f.length) {
			continue
		}
		f.have = 0
		if f.left = int64(int32(binary.BigEndian.Uint32(f.length[:]))); f.left < 0 || f.left > maxFrame {
			return 0, fmt.Errorf("a frame of %d bytes is refused: is this a client of Kafka?", f.left)
		}
	}
	return n, err
}
