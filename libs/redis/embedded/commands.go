package embedded

import (
	"fmt"
	"net"
	"strconv"
)

// What one command may hold. miniredis reads a text's length and allocates that
// many bytes before it reads the text, and reads a line without an end for as
// long as somebody sends one. Tapline's largest commands are a ledger's pages of
// a few MiB.
const (
	maxText  = 64 << 20
	maxTexts = 1 << 20
	maxLine  = 4 << 10
)

// boundedConn is a connection that follows the protocol as the server reads it,
// and refuses a command that is longer than a command may be before the server
// sees its lengths. Only one goroutine may read from the connection.
type boundedConn struct {
	net.Conn
	line []byte // what was read of the current line
	text int64  // bytes of the current text, with its line end, that were not read yet
}

func (c *boundedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		if c.text > 0 {
			passed := min(c.text, int64(len(rest)))
			c.text -= passed
			rest = rest[passed:]
			continue
		}
		c.line = append(c.line, rest[0])
		rest = rest[1:]
		if c.line[len(c.line)-1] == '\n' {
			if err := c.endLine(); err != nil {
				return 0, err
			}
		} else if len(c.line) > maxLine {
			return 0, fmt.Errorf("a line of more than %d bytes is refused: is this a client of Redis?", maxLine)
		}
	}
	return n, err
}

// endLine looks at a line that is complete. What the protocol does not know is
// left to the server, which ends such a connection by itself.
func (c *boundedConn) endLine() error {
	line := c.line
	c.line = c.line[:0]
	if len(line) < len("$0\r\n") {
		return nil
	}
	length, err := strconv.ParseInt(string(line[1:len(line)-len("\r\n")]), 10, 64)
	if err != nil {
		return nil //nolint:nilerr // not a length: the server refuses it
	}
	switch {
	case line[0] == '$' && length > maxText, line[0] == '*' && length > maxTexts:
		return fmt.Errorf("a command with a length of %d is refused: is this a client of Redis?", length)
	case line[0] == '$' && length >= 0:
		c.text = length + int64(len("\r\n"))
	}
	return nil
}
