package embedded_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/redis/embedded"
)

func TestSpeaksTheProtocolAndKeepsTime(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	ask := func(command string) string {
		t.Helper()
		if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
	if got := ask(command("SET", "a", "1", "PX", "300")); got != "+OK" {
		t.Fatalf("SET answers %q", got)
	}
	if got := ask(command("EXISTS", "a")); got != ":1" {
		t.Fatalf("EXISTS answers %q before the end", got)
	}
	deadline := time.Now().Add(10 * time.Second)
	for ask(command("EXISTS", "a")) != ":0" {
		if time.Now().After(deadline) {
			t.Fatal("the key does not expire")
		}
	}
}

// command encodes a command as Redis clients do.
func command(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	first, err := embedded.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if second, err := embedded.Start(first.Addr()); err == nil {
		second.Close()
		t.Fatal("Start() on a taken port succeeded")
	} else if !strings.Contains(err.Error(), "listening for Redis") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("Start() error = %v, want the reason", err)
	}
}
