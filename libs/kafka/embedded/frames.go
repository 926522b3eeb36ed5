package embedded

import (
	"encoding/binary"
	"fmt"
	"net"
)

// maxFrame is larger than any request of Tapline: message.max.bytes and the
// overhead of a produce request for several partitions. The broker reads a
// frame's length and allocates that many bytes before it reads the frame. An
// HTTP request that reaches the port by mistake begins with bytes that mean a
// length of 1.2 GB.
const maxFrame = 100 << 20

// bounded is a listener whose connections refuse a frame that is longer than
// maxFrame before the broker sees its length.
type bounded struct{ net.Listener }

func (l bounded) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &frames{Conn: conn}, nil
}

// frames is a connection that checks the length of each frame as the broker
// reads it. Only one goroutine may read from the connection.
type frames struct {
	net.Conn
	length [4]byte // the length field of the next frame
	have   int     // bytes of length that were read so far
	left   int64   // bytes of the current frame that were not read yet
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
