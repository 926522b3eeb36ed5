package embedded

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"tapline.dev/libs/memtest"
)

// TestAnHTTPRequestCostsNoMemory: any web page can send one to the broker's port.
func TestAnHTTPRequestCostsNoMemory(t *testing.T) {
	if !memtest.Little(t, "2147483648") {
		return
	}
	cluster, err := Start(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x7f\xff\xff\xff", "\xff\xff\xff\xff"} {
		conn, err := net.Dial("tcp", cluster.Addrs()[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if answer, err := io.ReadAll(conn); err != nil && len(answer) == 0 {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				t.Errorf("%q: the broker waits for the rest", text)
			}
		}
		_ = conn.Close()
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
}
