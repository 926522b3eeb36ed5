package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Proxy stands between a test and a running Redis, and answers commands with
// errors when a test wants that, because a running Redis cannot be told to. It
// passes one command at a time.
type Proxy struct {
	listener net.Listener
	upstream string

	mu            sync.Mutex
	text, refusal string
	conns         map[net.Conn]struct{}
}

// StartProxy returns a proxy before a Redis, which ends with the test.
func StartProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening for Redis: %v", err)
	}
	p := &Proxy{listener: listener, upstream: upstream, conns: map[net.Conn]struct{}{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		for conn := range p.conns {
			_ = conn.Close()
		}
		p.conns = nil
		p.mu.Unlock()
		serving.Wait()
	})
	return p
}

// Addr is host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetError makes every command fail with the text until it is called with an empty one.
func (p *Proxy) SetError(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = text
}

// RefuseWrites makes every command that writes fail with the text, as a Redis does whose
// memory is full, until it is called with an empty one. Reads are answered.
func (p *Proxy) RefuseWrites(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusal = text
}

// errorText is the error that a command is answered with, or "".
func (p *Proxy) errorText(command []byte) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text == "" && p.refusal != "" && writes(command) {
		return p.refusal
	}
	return p.text
}

// nameOf is the name of a command, which is an array with the name first.
func nameOf(command []byte) string {
	parts := strings.SplitN(string(command), "\r\n", 4)
	if len(parts) < 4 {
		return ""
	}
	return strings.ToLower(parts[2])
}

// writes reports whether a command may write.
func writes(command []byte) bool {
	switch nameOf(command) {
	case "", "get", "mget", "hgetall", "hget", "zrange", "zrangebyscore", "scan", "ping", "hello", "client", "select", "auth", "info", "time", "exists", "ttl", "pttl", "multi", "exec", "command":
		return false
	}
	return true
}

// keep notes a connection that is to be closed with the proxy. It returns false
// if the proxy is closed already.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		_ = conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.upstream)
	if err != nil || !p.keep(client) {
		return
	}
	defer server.Close()
	commands, answers := bufio.NewReader(client), bufio.NewReader(server)
	aborted := false // a command of the transaction that is open was refused
	for {
		command, err := value(commands, nil)
		if err != nil {
			return
		}
		text := p.errorText(command)
		switch name := nameOf(command); {
		case name == "multi":
			aborted = false
		case text != "":
			aborted = true
		case name == "exec" && aborted:
			// Redis itself does so.
			aborted, command, text = false, []byte("*1\r\n$7\r\nDISCARD\r\n"), "EXECABORT Transaction discarded because of previous errors."
			if _, err := server.Write(command); err != nil {
				return
			}
			if _, err := value(answers, nil); err != nil {
				return
			}
		}
		answer := []byte("-" + text + "\r\n")
		if len(answer) == len("-\r\n") {
			if _, err := server.Write(command); err != nil {
				return
			}
			if answer, err = value(answers, nil); err != nil {
				return
			}
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// value appends one whole value of Redis' protocol, as it stands, to raw.
func value(r *bufio.Reader, raw []byte) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	raw = append(raw, line...)
	n, children := 0, 0
	switch line[0] {
	case '$', '=', '!':
		if n, err = size(line); err != nil || n < 0 {
			return raw, err
		}
		text := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, err
		}
		return append(raw, text...), nil
	case '*', '~', '>':
		children, err = size(line)
	case '%', '|':
		children, err = size(line)
		children *= 2
	}
	for range children {
		if err != nil {
			return nil, err
		}
		raw, err = value(r, raw)
	}
	return raw, err
}

func size(line []byte) (int, error) {
	n, err := strconv.Atoi(string(line[1 : len(line)-len("\r\n")]))
	if err != nil {
		return 0, fmt.Errorf("reading Redis' protocol: %w", err)
	}
	return n, nil
}
