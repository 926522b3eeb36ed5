package clevertap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"tapline.dev/libs/egress"
	"tapline.dev/schemas"
)

const (
	defaultTimeout     = 60 * time.Second
	defaultMaxResponse = 16 << 20
	dialTimeout        = 10 * time.Second
	// Shorter than what proxies usually allow: a connection that the server
	// closes first turns the next upload on it ambiguous.
	idleTimeout = 30 * time.Second
	pingAfter   = 15 * time.Second
)

// Account is one CleverTap account and how to reach it. The zero values of
// Timeout, MaxResponseBytes and Slots stand for 60 s, 16 MiB and 15.
type Account struct {
	Endpoint  string // https://in1.api.clevertap.com
	AccountID string
	Passcode  string
	// Timeout bounds a request from its start to the last byte of the answer.
	Timeout time.Duration
	// Gzip compresses whole bodies.
	Gzip bool
	// MaxResponseBytes bounds an answer; a longer one is ambiguous.
	MaxResponseBytes int64
	// Slots bounds connections, as the account bounds requests in flight.
	Slots int
	// Proxy is the URL of the proxy to go by; "" goes straight, whatever the environment
	// says: the passcode goes to the endpoint only.
	Proxy string
	// CAs are trusted besides the system's authorities, as PEM.
	CAs string
	// RootCAs are trusted in place of the system's, if set.
	RootCAs *x509.CertPool
}

// Client uploads to one account. It is safe for concurrent use.
type Client struct {
	acc       Account
	url       string
	transport *http.Transport
	http      *http.Client
	payloads  sync.Pool
	lookups   chan struct{} // a token for each look-up under way
}

// NewClient makes a client; it connects when the first upload does.
func NewClient(acc Account) *Client {
	if acc.Timeout == 0 {
		acc.Timeout = defaultTimeout
	}
	if acc.MaxResponseBytes == 0 {
		acc.MaxResponseBytes = defaultMaxResponse
	}
	if acc.Slots == 0 {
		acc.Slots = schemas.DefaultSlots
	}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: acc.RootCAs},
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter},
		MaxConnsPerHost:     acc.Slots,
		MaxIdleConnsPerHost: acc.Slots,
		IdleConnTimeout:     idleTimeout,
		// The cap on an answer must bound what is read, not what it unpacks to.
		DisableCompression: true,
	}
	proxy, err := egress.Parse(acc.Proxy)
	if err != nil {
		proxy = nil // there is none: whoever resolves an account has checked it
	}
	egress.Use(transport, proxy, acc.CAs)
	c := &Client{
		acc:       acc,
		url:       strings.TrimRight(acc.Endpoint, "/") + "/1/upload",
		transport: transport,
		lookups:   make(chan struct{}, lookups),
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	c.payloads.New = func() any { return &payload{pool: &c.payloads} }
	return c
}

// Close drops the idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Upload sends records, each the JSON of one, in one request and says what
// became of them. The error is for uploads that cannot be built at all; what
// the network or CleverTap does is in the result.
func (c *Client) Upload(ctx context.Context, records [][]byte, dryRun bool) (Result, error) {
	return c.UploadIf(ctx, records, dryRun, nil)
}

// UploadIf is Upload with a check that runs when a connection is there and the
// first byte is about to be handed to it. If it returns an error nothing is
// sent, and the result is NotSent with that error.
func (c *Client) UploadIf(ctx context.Context, records [][]byte, dryRun bool, allow func() error) (Result, error) {
	if len(records) == 0 {
		return Result{}, errors.New("uploading: no records")
	}
	p := c.payloads.Get().(*payload)
	if err := p.fill(records, c.acc.Gzip); err != nil {
		return Result{}, err
	}
	defer p.release()
	p.allow = allow
	ctx, cancel := context.WithTimeout(ctx, c.acc.Timeout)
	defer cancel()
	req, err := c.request(ctx, p, dryRun)
	if err != nil {
		return Result{}, fmt.Errorf("building upload request: %w", err)
	}
	res := c.send(ctx, req, p, len(records))
	res.Written = p.written()
	return res, nil
}

func (c *Client) request(ctx context.Context, p *payload, dryRun bool) (*http.Request, error) {
	url := c.url
	if dryRun {
		url += "?dryRun=1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return nil, err
	}
	// The transport reads the body again only where the protocol tells it that
	// the server has not looked at the request.
	req.Body = p.open()
	req.GetBody = func() (io.ReadCloser, error) { return p.open(), nil }
	req.ContentLength = int64(p.data.Len())
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("X-CleverTap-Account-Id", c.acc.AccountID)
	req.Header.Set("X-CleverTap-Passcode", c.acc.Passcode)
	req.Header.Set("User-Agent", "tapline")
	if c.acc.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
	return req, nil
}

func (c *Client) send(ctx context.Context, req *http.Request, p *payload, sent int) Result {
	res, err := c.http.Do(req)
	if err != nil {
		return c.broken(ctx, err, p)
	}
	// Nothing is left to do about a failing close: the answer is read or lost.
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, c.acc.MaxResponseBytes+1))
	success := res.StatusCode >= 200 && res.StatusCode < 300
	if success && err != nil {
		r := c.broken(ctx, err, p)
		r.Status = res.StatusCode
		return r
	}
	if success && int64(len(body)) > c.acc.MaxResponseBytes {
		return Result{Kind: Ambiguous, Status: res.StatusCode, Cause: CauseOversize}
	}
	// Elsewhere the status alone decides, so a body cut short changes nothing.
	r := judge(res.StatusCode, res.Header, body, sent)
	if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		r.Date = date
	}
	return r
}

// broken classifies a request that has no answer.
func (c *Client) broken(ctx context.Context, err error, p *payload) Result {
	cause := causeOf(ctx, err)
	if !p.withdraw() {
		return Result{Kind: Ambiguous, Cause: cause}
	}
	if refusal := p.refused(); refusal != nil {
		return Result{Kind: NotSent, Settled: true, Cause: CauseRefusedHere, Err: refusal}
	}
	return Result{Kind: NotSent, Settled: true, Cause: cause, Err: withoutURL(err)}
}
