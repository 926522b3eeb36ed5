package clevertap

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

const success = `{ "status" : "success" , "processed" : 1 , "unprocessed" : [ ]}`

var record = []string{`{"type":"profile","identity":"a","profileData":{"x":"<&>é"}}`}

// TestBrokenTransports is about requests without an answer: what matters is
// whether a byte of a record may have arrived.
func TestBrokenTransports(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		serve func(net.Conn) // a raw server; nil: nobody listens
		kind  Kind
		cause string
	}{
		"nobody listens":          {nil, NotSent, CauseDial},
		"reset after the request": {func(c net.Conn) { readRequest(c); reset(c) }, Ambiguous, CauseReset},
		"closed after it":         {func(c net.Conn) { readRequest(c); _ = c.Close() }, Ambiguous, CauseReset},
		"never answered":          {func(c net.Conn) { readRequest(c); _, _ = io.Copy(io.Discard, c) }, Ambiguous, CauseTimeout},
		"reset within the answer": {func(c net.Conn) { answer(c, "Content-Length: 100\r\n\r\n{ \"status\""); reset(c) }, Ambiguous, CauseReset},
		"answer ends too early":   {func(c net.Conn) { answer(c, "Content-Length: 100\r\n\r\n"+success); _ = c.Close() }, Ambiguous, CauseReset},
		"chunks end too early":    {func(c net.Conn) { answer(c, "Transfer-Encoding: chunked\r\n\r\n5\r\n{ \"st"); _ = c.Close() }, Ambiguous, CauseReset},
		"answer stalls":           {func(c net.Conn) { answer(c, "Content-Length: 100\r\n\r\n{"); _, _ = io.Copy(io.Discard, c) }, Ambiguous, CauseTimeout},
		"not HTTP":                {func(c net.Conn) { readRequest(c); _, _ = io.WriteString(c, "SSH-2.0-x\r\n"); _ = c.Close() }, Ambiguous, CauseReset},
		"answer too large":        {func(c net.Conn) { answer(c, "\r\n"+strings.Repeat(" ", 5000)+success); _ = c.Close() }, Ambiguous, CauseOversize},
		"closed without length":   {func(c net.Conn) { answer(c, "\r\n"+success); _ = c.Close() }, Done, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acc := Account{Timeout: 5 * time.Second, MaxResponseBytes: 4096}
			if tc.cause == CauseTimeout {
				acc.Timeout = 100 * time.Millisecond
			}
			got, err := client(t, acc, "http://"+rawServer(t, tc.serve)).Upload(t.Context(), raw(record), false)
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind != tc.kind || got.Cause != tc.cause {
				t.Errorf("got %s, cause %q", got.Kind, got.Cause)
			}
			if (got.Kind == NotSent) != (got.Err != nil) {
				t.Errorf("error is %v", got.Err)
			}
		})
	}
}

func TestNothingSent(t *testing.T) {
	t.Parallel()
	var seen atomic.Int32
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) })
	plain := httptest.NewServer(handler)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx      context.Context
		endpoint string
		cause    string
	}{
		"certificate is not trusted": {t.Context(), secure.URL, CauseTLS},
		"server speaks no TLS":       {t.Context(), "https" + strings.TrimPrefix(plain.URL, "http"), CauseTLS},
		"name does not resolve":      {t.Context(), "http://nobody.invalid", CauseDNS},
		"cancelled before":           {gone, plain.URL, CauseCancelled},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := client(t, Account{}, tc.endpoint).Upload(tc.ctx, raw(record), false)
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind != NotSent || got.Cause != tc.cause || got.Err == nil {
				t.Errorf("got %s, cause %q, %v", got.Kind, got.Cause, got.Err)
			}
		})
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// TestWaitingForAConnectionIsNotSent fills the only connection, so that the
// second upload times out before it has one.
func TestWaitingForAConnectionIsNotSent(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	arrived := make(chan struct{})
	c := serve(t, Account{Slots: 1}, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, success)
	})
	first := make(chan Result, 1)
	go func() {
		r, _ := c.Upload(t.Context(), raw(record), false)
		first <- r
	}()
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	second, err := c.Upload(ctx, raw(record), false)
	if err != nil || second.Kind != NotSent || second.Cause != CauseTimeout {
		t.Errorf("the second is %s, cause %q, %v", second.Kind, second.Cause, err)
	}
	close(release)
	if r := <-first; r.Kind != Done {
		t.Errorf("the first is %s, cause %q", r.Kind, r.Cause)
	}
}

func TestCheckBeforeTheWrite(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 2)
	c := serve(t, Account{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		_, _ = io.WriteString(w, success)
	})
	stale := errors.New("lease is too old")
	got, err := c.UploadIf(t.Context(), raw(record), false, func() error { return stale })
	if err != nil || got.Kind != NotSent || got.Cause != CauseRefusedHere || !errors.Is(got.Err, stale) {
		t.Errorf("got %s, cause %q, %v, %v", got.Kind, got.Cause, got.Err, err)
	}
	asked := 0
	got, err = c.UploadIf(t.Context(), raw(record), false, func() error { asked++; return nil })
	if err != nil || got.Kind != Done || asked != 1 {
		t.Errorf("got %s after %d questions, %v", got.Kind, asked, err)
	}
	for len(bodies) > 0 {
		if b := <-bodies; b != "" && b != `{"d":[`+record[0]+`]}` {
			t.Errorf("arrived: %s", b)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var leaked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := serve(t, Account{}, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if got, err := c.Upload(t.Context(), raw(record), false); err != nil || got.Kind != ConfigFault {
			t.Errorf("%d is %s, %v", status, got.Kind, err)
		}
	}
	if leaked.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	for name, zip := range map[string]bool{"plain": false, "gzip": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, Account{Gzip: zip}, func(w http.ResponseWriter, r *http.Request) {
				for header, want := range map[string]string{
					"X-CleverTap-Account-Id": "ACC", "X-CleverTap-Passcode": "PASS", "Content-Type": "application/json; charset=utf-8",
					"Traceparent": "00-01000000000000000000000000000000-0200000000000000-01",
				} {
					if got := r.Header.Get(header); got != want {
						t.Errorf("%s is %q", header, got)
					}
				}
				if r.Method != "POST" || r.URL.String() != "/1/upload?dryRun=1" || r.ContentLength <= 0 {
					t.Errorf("request is %s %s, length %d", r.Method, r.URL, r.ContentLength)
				}
				if got := body(t, r); got != `{"d":[`+record[0]+`]}` {
					t.Errorf("body is %s", got)
				}
				_, _ = io.WriteString(w, success)
			})
			// Twice, because the second reuses the buffers of the first.
			for range 2 {
				ctx := trace.ContextWithSpanContext(t.Context(), span)
				if got, err := c.Upload(ctx, raw(record), true); err != nil || got.Kind != Done {
					t.Errorf("got %s, %v", got.Kind, err)
				}
			}
		})
	}
}

func TestNoRecords(t *testing.T) {
	t.Parallel()
	if _, err := client(t, Account{}, "http://127.0.0.1:1").Upload(t.Context(), nil, false); err == nil {
		t.Error("an empty upload was taken")
	}
}

func body(t *testing.T, r *http.Request) string {
	t.Helper()
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return ""
		}
		from = z
	}
	b, err := io.ReadAll(from)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
