package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
)

// proxy stands between a test and a running Redis, and answers commands with
// errors when a test wants that, because a running Redis cannot be told to. It
// passes one command at a time.
type proxy struct {
	listener net.Listener
	upstream string

	mu    sync.Mutex
	text  string
	conns map[net.Conn]struct{}
}

func startProxy(t testing.TB, upstream string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening for Redis: %v", err)
	}
	p := &proxy{listener: listener, upstream: upstream, conns: map[net.Conn]struct{}{}}
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

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) setError(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = text
}

func (p *proxy) errorText() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text
}

// keep notes a connection that is to be closed with the proxy. It returns false
// if the proxy is closed already.
func (p *proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		_ = conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.upstream)
	if err != nil || !p.keep(client) {
		return
	}
	defer server.Close()
	commands, answers := bufio.NewReader(client), bufio.NewReader(server)
	for {
		command, err := value(commands, nil)
		if err != nil {
			return
		}
		answer := []byte("-" + p.errorText() + "\r\n")
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
