package snowflake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/snowflakedb/gosnowflake"
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
	base  http.RoundTripper
	life  context.Context
	close context.CancelFunc
	keep  atomic.Bool
}

func newTransport(plain bool) *transport {
	t := &transport{base: gosnowflake.SnowflakeTransport} // checks certificates for revocation
	if plain {
		t.base = http.DefaultTransport
	}
	t.life, t.close = context.WithCancel(context.Background())
	return t
}

func (t *transport) keepStatements() { t.keep.Store(true) }

// abortTimeout bounds the driver's abort of a statement. The driver sends it
// under a context that never ends and repeats it for a minute.
const abortTimeout = 2 * time.Second

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.life.Err() != nil {
		// The driver repeats what gets no answer; this it takes as final.
		return answer(req, http.StatusBadRequest, "the session is closed"), nil
	}
	if strings.HasSuffix(req.URL.Path, abortPath) {
		return t.abort(req), nil
	}
	if id, ok := req.Context().Value(attachKey{}).(string); ok && strings.HasSuffix(req.URL.Path, queryPath) {
		req = attachRequest(req, id)
	}
	return t.send(req)
}

// abort asks once. A statement that is not reached ends by its own timeout, or
// is cancelled from another session.
func (t *transport) abort(req *http.Request) *http.Response {
	const done = `{"data":null,"code":null,"message":null,"success":true}`
	if t.keep.Load() {
		return answer(req, http.StatusOK, done)
	}
	ctx, cancel := context.WithTimeout(req.Context(), abortTimeout)
	resp, err := t.send(req.WithContext(ctx))
	if err != nil {
		cancel()
		return answer(req, http.StatusOK, done)
	}
	resp.Body = &body{ReadCloser: resp.Body, end: cancel}
	return resp
}

func (t *transport) send(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	stop := context.AfterFunc(t.life, func() { cancel(errors.New("the session is closed")) })
	end := func() {
		stop()
		cancel(nil)
	}
	resp, err := t.base.RoundTrip(req.WithContext(ctx))
	if err != nil {
		end()
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, end: end}
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
