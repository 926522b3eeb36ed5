package snowflake

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/libs/egress"
	"tapline.dev/schemas"
)

const (
	queryPath  = "/queries/v1/query-request"
	resultPath = "/queries/%s/result"
	abortPath  = "/queries/v1/abort-request"
)

type attachKey struct{}

// withAttach makes the next query of ctx a request for an existing result.
func withAttach(ctx context.Context, queryID string) context.Context {
	return context.WithValue(ctx, attachKey{}, queryID)
}

// transport carries the driver's requests. It adds what the driver lacks: a
// result taken up by id as raw Arrow, an end that leaves statements running,
// and a Close that nothing can hold up.
type transport struct {
	base    *http.Transport
	owned   bool                   // base is this session's alone
	where   atomic.Pointer[string] // where the way of the newest request without an answer ended
	life    context.Context        //nolint:containedctx // of the session: what it ends with
	close   context.CancelFunc
	keep    atomic.Bool
	session atomic.Int64 // its id at Snowflake
	query   atomic.Pointer[asked]
	aborted atomic.Bool // the newest statement: Snowflake was asked to, and heard it
}

func newTransport(conn schemas.SnowflakeConnectionSpec) *transport {
	plain := conn.Protocol == "http"
	t := &transport{base: gosnowflake.SnowflakeTransport} // checks certificates for revocation
	if d, ok := http.DefaultTransport.(*http.Transport); plain && ok {
		t.base = d
	}
	if conn.Proxy != "" || conn.CAFile != "" {
		proxy, err := egress.Parse(conn.Proxy)
		if err != nil {
			proxy = nil // there is none: whoever resolves a connection has checked it
		}
		t.base = t.base.Clone()
		t.owned = true
		if t.base.TLSClientConfig == nil {
			t.base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		fromEnvironment := t.base.Proxy
		egress.Use(t.base, proxy, conn.CAFile)
		if proxy == nil {
			t.base.Proxy = fromEnvironment
		}
	}
	t.life, t.close = context.WithCancel(context.Background())
	return t
}

// note keeps where the way of a request ended.
func (t *transport) note(where string) {
	if where != "" {
		t.where.Store(&where)
	}
}

func (t *transport) keepStatements() { t.keep.Store(true) }

// abortTimeout bounds the driver's abort of a statement, and abortTry one of its
// tries. The driver sends it under a context that never ends and repeats it for
// a minute; a cancel has to reach Snowflake within five seconds, and a second
// session needs most of them.
const (
	abortTimeout = 1500 * time.Millisecond
	abortTry     = time.Second
	abortPause   = 100 * time.Millisecond
)

// notExecuting is the code of an abort for which there is no statement any more.
const notExecuting = "000605"

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.life.Err() != nil {
		// The driver repeats a request without an answer, but takes this answer as final.
		return answer(req, http.StatusBadRequest, "the session is closed"), nil
	}
	if strings.HasSuffix(req.URL.Path, abortPath) {
		return t.abort(req), nil
	}
	if strings.HasSuffix(req.URL.Path, queryPath) {
		t.aborted.Store(false)
		t.query.Store(askedBy(req))
		// The driver passes the session's id to its logger only.
		if id, ok := req.Context().Value(gosnowflake.SFSessionIDKey).(int64); ok {
			t.session.Store(id)
		}
		if id, ok := req.Context().Value(attachKey{}).(string); ok {
			req = attachRequest(req, id)
		}
	}
	return t.send(t.base, req)
}

// abort repeats the driver's request to abort a statement until Snowflake answers or
// abortTimeout has passed. A statement whose abort did not reach Snowflake has to be
// cancelled from another session, or it runs, and costs, until its own timeout. The
// driver gets a success in any case, because it would only repeat for longer.
func (t *transport) abort(req *http.Request) *http.Response {
	const done = `{"data":null,"code":null,"message":null,"success":true}`
	ctx, cancel := context.WithTimeout(req.Context(), abortTimeout)
	defer cancel()
	text, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if err != nil || t.keep.Load() {
		return answer(req, http.StatusOK, done)
	}
	// No connection is used twice, or taken from the idle ones: what broke one has
	// often broken all of them.
	fresh := t.base.Clone()
	fresh.DisableKeepAlives = true
	for {
		heard, err := t.tryAbort(ctx, fresh, req, text)
		if err == nil {
			return answer(req, http.StatusOK, heard)
		}
		select {
		case <-time.After(abortPause):
		case <-t.life.Done():
			return answer(req, http.StatusOK, done)
		case <-ctx.Done():
			return answer(req, http.StatusOK, done)
		}
	}
}

// tryAbort returns what Snowflake says to an abort.
func (t *transport) tryAbort(ctx context.Context, fresh *http.Transport, req *http.Request, text []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, abortTry)
	defer cancel()
	req = req.Clone(ctx)
	req.Body = io.NopCloser(bytes.NewReader(text))
	resp, err := t.send(fresh, req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	heard, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", err
	}
	var said struct {
		Success bool   `json:"success"`
		Code    string `json:"code"`
	}
	if err := json.Unmarshal(heard, &said); err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("aborting a statement: status %d", resp.StatusCode)
	}
	// Other answers are left to the driver: if the session has expired, it renews it and
	// asks again.
	if said.Success || said.Code == notExecuting {
		t.aborted.Store(true)
	}
	return string(heard), nil
}

func (t *transport) send(base *http.Transport, req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	stop := context.AfterFunc(t.life, func() { cancel(errors.New("the session is closed")) })
	end := func() {
		stop()
		cancel(nil)
	}
	resp, err := base.RoundTrip(req.WithContext(ctx))
	if err == nil && resp.StatusCode >= http.StatusMultipleChoices && !strings.Contains(resp.Header.Get("Content-Type"), "json") {
		t.note(fmt.Sprintf("HTTP: something at or before Snowflake answers with status %d, not in Snowflake's form; ask whoever runs the proxy or the firewall", resp.StatusCode))
	}
	if err != nil {
		t.note(egress.Where(err))
		end()
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, end: end}
	if req.Method == http.MethodGet && resp.StatusCode == http.StatusOK {
		resp.Body = &unpacked{ReadCloser: resp.Body}
	}
	resp.Body = bound(req, resp.Body)
	return resp, nil
}

// attachRequest asks for a result in place of running a statement.
func attachRequest(req *http.Request, queryID string) *http.Request {
	out := req.Clone(req.Context())
	if out.Body != nil {
		_ = out.Body.Close()
	}
	out.Method, out.Body, out.GetBody, out.ContentLength = http.MethodGet, nil, nil, 0
	u := *req.URL
	u.Path = strings.TrimSuffix(u.Path, queryPath) + strings.Replace(resultPath, "%s", url.PathEscape(queryID), 1)
	out.URL = &u
	out.Header.Del("Content-Type")
	return out
}

func answer(req *http.Request, status int, text string) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  http.Header{"Content-Type": []string{"application/json"}},
		Body:    io.NopCloser(strings.NewReader(text)),
		Request: req, ContentLength: int64(len(text)),
	}
}

type body struct {
	io.ReadCloser
	end func()
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

// unpacked unpacks a chunk that is packed, in place of the driver, which would unpack it
// with the standard library at half the speed. Both know gzip by its first bytes.
type unpacked struct {
	io.ReadCloser
	from io.Reader // nil before the first Read
}

// Read implements io.Reader.
func (u *unpacked) Read(b []byte) (int, error) {
	if u.from == nil {
		in := bufio.NewReaderSize(u.ReadCloser, 64<<10)
		u.from = in
		// Without two bytes there is nothing to unpack, and Read returns the error.
		if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
			unzip, err := gzip.NewReader(in)
			if err != nil {
				return 0, fmt.Errorf("unpacking a chunk: %w", err)
			}
			u.from = unzip
		}
	}
	return u.from.Read(b)
}

// explain adds to an error of the network where the way to Snowflake ended.
func (t *transport) explain(err error) error {
	where := t.where.Load()
	e := new(Error)
	if where == nil || !errors.As(err, &e) || e.Code != CodeUnreachable {
		return err
	}
	explained := *e
	explained.Reason = e.Reason + " (" + *where + ")"
	return &explained
}
