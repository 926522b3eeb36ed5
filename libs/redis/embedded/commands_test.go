package embedded_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/memtest"
	"tapline.dev/libs/redis/embedded"
)

// TestHostileBytesCostNoMemory: whatever reaches the port by mistake or on
// purpose ends its own connection and nothing else.
func TestHostileBytesCostNoMemory(t *testing.T) {
	if !memtest.Little(t, "2147483648") {
		return
	}
	server, err := embedded.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, text := range map[string]string{
		"an HTTP request":            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a text of 2 GB":             "*1\r\n$2000000000\r\n",
		"a text of 9 EB":             "*1\r\n$9223372036854775800\r\n",
		"a text after a text":        "*2\r\n$4\r\nPING\r\n$2000000000\r\n",
		"a command of many texts":    "*2000000000\r\n",
		"a line without an end":      strings.Repeat("*", 1<<20),
		"a length that is no number": "*1\r\n$abc\r\n",
	} {
		conn, err := net.Dial("tcp", server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		// The server may have closed the connection before all is written.
		_, _ = conn.Write([]byte(text))
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		_, err = io.ReadAll(conn)
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			t.Errorf("%s: the server waits for the rest", name)
		}
		_ = conn.Close()
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
}

// TestBinaryTexts: a text may hold what looks like lengths and line ends.
func TestBinaryTexts(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start("")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text := "*9999999999\r\n$9999999999\r\n" + strings.Repeat("x", 8<<10)
	if _, err := io.WriteString(conn, command("SET", "a", text)+"\r\n"+command("GET", "a")+"\r\n"); err != nil {
		t.Fatal(err)
	}
	want := "+OK\r\n$" + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n"
	got := make([]byte, len(want))
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("the answer begins %q", got[:40])
	}
}
