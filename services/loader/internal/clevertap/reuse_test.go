package clevertap

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestConnectionsAreReused and TestHTTP2 look at what a busy loader does to the
// server: few connections, bodies intact.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(echoCheck(t))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := client(t, Account{Slots: 4}, server.URL)
	hammer(t, c, 8, 50, false)
	if n := opened.Load(); n < 1 || n > 4 {
		t.Errorf("%d connections were opened", n)
	}
	hammer(t, c, 8, 50, true)
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	var old atomic.Int32
	check := echoCheck(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			old.Add(1)
		}
		check(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	hammer(t, client(t, Account{RootCAs: roots}, server.URL), 8, 50, true)
	if n := old.Load(); n != 0 {
		t.Errorf("%d requests were not HTTP/2", n)
	}
}

// hammer uploads from several workers. Those that give up early leave the
// transport reading bodies whose request is over.
func hammer(t *testing.T, c *Client, workers, each int, giveUp bool) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				r := fmt.Sprintf(`{"w":%d,"pad":"%s"}`, w, strings.Repeat(string(rune('a'+w)), 1000*(i%50)))
				ctx, cancel := context.WithCancel(t.Context())
				if giveUp && w%4 == 3 && i%5 == 0 {
					go cancel()
				}
				got, err := c.Upload(ctx, [][]byte{[]byte(r)}, false)
				if err != nil || got.Kind != Done && got.Cause != CauseCancelled {
					t.Errorf("got %s, cause %q, %v, %v", got.Kind, got.Cause, got.Err, err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

// echoCheck answers success to bodies that hold one worker's bytes only.
func echoCheck(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // given up
		}
		var worker int
		if _, err := fmt.Sscanf(string(body), `{"d":[{"w":%d,`, &worker); err != nil {
			t.Errorf("body begins %.40q", body)
		}
		_, pad, _ := bytes.Cut(body, []byte(`"pad":"`))
		want := string(rune('a' + worker))
		if strings.Trim(strings.TrimSuffix(string(pad), `"}]}`), want) != "" {
			t.Errorf("body of worker %d holds another's bytes", worker)
		}
		_, _ = io.WriteString(w, success)
	}
}
