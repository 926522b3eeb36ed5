// Package client speaks to Import Center's API.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tapline.dev/schemas"
)

// Client is safe for concurrent use.
type Client struct {
	server string
	actor  string
	token  string
	notice func(string)
	http   *http.Client
}

// New returns a client of the server at a URL such as http://127.0.0.1:19000.
// The actor stands in the audit topic.
func New(server, actor string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("the server %q is not a URL such as http://127.0.0.1:19000; set --server or TAPLINE_SERVER", server)
	}
	return &Client{server: strings.TrimSuffix(server, "/"), actor: actor, http: &http.Client{}}, nil
}

// WithToken returns a client that signs in with a key, or with a token of the
// OpenID provider.
func (c *Client) WithToken(token string) *Client {
	out := *c
	out.token = token
	return &out
}

// WithNotice returns a client that tells what is odd about an answer.
func (c *Client) WithNotice(notice func(string)) *Client {
	out := *c
	out.notice = notice
	return &out
}

// Problem is a refusal of the API.
type Problem struct {
	Status  int      `json:"status"`
	Title   string   `json:"title"`
	Detail  string   `json:"detail"`
	Code    string   `json:"code"`
	TraceID string   `json:"traceId"`
	Errors  []Detail `json:"errors"`
	// Confirmation is what has to be agreed to before anything is done.
	Confirmation *Confirmation `json:"confirmation"`
}

// Detail is one of several problems.
type Detail struct {
	Location string `json:"location"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// Error is every problem on a line of its own, or the one sentence.
func (p *Problem) Error() string {
	if len(p.Errors) == 0 {
		return p.Detail
	}
	lines := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		lines[i] = e.Message
		if flag, ok := strings.CutPrefix(e.Location, "query."); ok {
			flag, _, _ = strings.Cut(flag, "[")
			lines[i] = "--" + flag + ": " + e.Message
		} else if e.Location != "" {
			lines[i] = e.Location + ": " + e.Message
		}
	}
	return strings.Join(lines, "\n")
}

// Applied is what applying one document did.
type Applied struct {
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Outcome    string `json:"outcome"`
	Generation int    `json:"generation"`
	Note       string `json:"note,omitempty"`
	// Missing is what a draft lacks before it can be applied without spec.draft.
	Missing []Detail `json:"missing,omitempty"`
}

// List is a page of a listing.
type List[T any] struct {
	Items         []T    `json:"items"`
	NextPageToken string `json:"nextPageToken"`
}

// applyTimeout is longer than a server takes to have every query described.
const applyTimeout = 10 * time.Minute

// Apply applies documents, all or none.
func (c *Client) Apply(ctx context.Context, documents []json.RawMessage) ([]Applied, error) {
	return c.apply(ctx, "/v1/apply", documents)
}

// Check reports what Apply would refuse.
func (c *Client) Check(ctx context.Context, documents []json.RawMessage) error {
	_, err := c.apply(ctx, "/v1/apply?checkOnly=true", documents)
	return err
}

func (c *Client) apply(ctx context.Context, path string, documents []json.RawMessage) ([]Applied, error) {
	var out List[Applied]
	err := c.doWithin(ctx, applyTimeout, http.MethodPost, path, nil, map[string]any{"documents": documents}, &out)
	return out.Items, err
}

// Imports lists all imports.
func (c *Client) Imports(ctx context.Context) (List[schemas.Listing], error) {
	return c.SomeImports(ctx, nil)
}

// SomeImports lists the imports that the parameters of GET /v1/imports choose.
func (c *Client) SomeImports(ctx context.Context, q url.Values) (List[schemas.Listing], error) {
	var out List[schemas.Listing]
	path := "/v1/imports"
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return out, c.do(ctx, http.MethodGet, path, nil, nil, &out)
}

// Import reads one definition.
func (c *Client) Import(ctx context.Context, name string) (schemas.Definition, error) {
	var out schemas.Definition
	return out, c.do(ctx, http.MethodGet, "/v1/imports/"+url.PathEscape(name), nil, nil, &out)
}

// Resources lists connections, accounts or defaults.
func (c *Client) Resources(ctx context.Context, plural string) (List[schemas.Resource], error) {
	var out List[schemas.Resource]
	return out, c.do(ctx, http.MethodGet, "/v1/"+plural, nil, nil, &out)
}

// RunsQuery selects runs.
type RunsQuery struct {
	Import string
	State  string
	Dry    bool
	Size   int
	Token  string
}

// Runs lists runs, newest first.
func (c *Client) Runs(ctx context.Context, q RunsQuery) (List[schemas.Run], error) {
	var out List[schemas.Run]
	dry := ""
	if q.Dry {
		dry = "true"
	}
	return out, c.do(ctx, http.MethodGet, "/v1/runs?"+query(map[string]string{
		"dry": dry, "import": q.Import, "state": q.State, "pageSize": size(q.Size), "pageToken": q.Token,
	}), nil, nil, &out)
}

// Run reads one run.
func (c *Client) Run(ctx context.Context, id string) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodGet, "/v1/runs/"+url.PathEscape(id), nil, nil, &out)
}

// StartRun runs an import, or queues it behind the active run. The key makes a
// repetition harmless.
func (c *Client) StartRun(ctx context.Context, importName, key string, agreed Agreement) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, "/v1/imports/"+url.PathEscape(importName)+"/runs"+agreed.query(),
		http.Header{"Idempotency-Key": {key}}, nil, &out)
}

// Cancel cancels a run.
func (c *Client) Cancel(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/v1/runs/"+url.PathEscape(id)+"/cancel", nil, nil, nil)
}

// Decide approves or declines a held run.
func (c *Client) Decide(ctx context.Context, run, kind string) error {
	return c.do(ctx, http.MethodPost, "/v1/runs/"+url.PathEscape(run)+"/"+kind, nil, nil, nil)
}

// Reset forgets an import's watermark.
func (c *Client) Reset(ctx context.Context, importName string, agreed Agreement) error {
	return c.do(ctx, http.MethodPost, "/v1/imports/"+url.PathEscape(importName)+"/reset"+agreed.query(), nil, nil, nil)
}

// Dismiss dismisses an import's open rejects: they no longer count against its health.
func (c *Client) Dismiss(ctx context.Context, importName string) error {
	return c.do(ctx, http.MethodPost, "/v1/imports/"+url.PathEscape(importName)+"/rejects/dismiss", nil, nil, nil)
}

// Command sends pause or resume.
func (c *Client) Command(ctx context.Context, importName, kind string) error {
	return c.do(ctx, http.MethodPost, "/v1/imports/"+url.PathEscape(importName)+"/"+kind, nil, nil, nil)
}

// eachLine calls fn with each value of an NDJSON answer.
func eachLine[T any](body io.Reader, fn func(T) error) error {
	dec := json.NewDecoder(body)
	for {
		var v T
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the answer, which is incomplete: %w", err)
		}
		if err := fn(v); err != nil {
			return err
		}
	}
}

func query(values map[string]string) string {
	q := url.Values{}
	for k, v := range values {
		if v != "" {
			q.Set(k, v)
		}
	}
	return q.Encode()
}

func size(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// do sends a request and decodes its answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, method, path string, header http.Header, body, out any) error {
	return c.doWithin(ctx, time.Minute, method, path, header, body, out)
}

func (c *Client) doWithin(ctx context.Context, timeout time.Duration, method, path string, header http.Header, body, out any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	res, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return &Unanswered{fmt.Errorf("reading the answer of %s: %w", c.server, err)}
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, header http.Header, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, reader)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.actor != "" {
		req.Header.Set("Tapline-Actor", c.actor)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if res.StatusCode < 300 {
		if c.notice != nil && res.Header.Get("Tapline-Source") == "log" {
			c.notice("Redis does not answer: this is from the log, takes longer, and may lack what runs wait for")
		}
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	return nil, refusal(c.server, res)
}

func refusal(server string, res *http.Response) error {
	var p Problem
	if err := json.NewDecoder(io.LimitReader(res.Body, 8<<20)).Decode(&p); err != nil || p.Detail == "" {
		err := fmt.Errorf("%s answered %s, which is not an answer of Import Center; is --server right?", server, res.Status)
		if res.StatusCode >= http.StatusBadGateway { // a proxy's, while Import Center is away
			return &Unanswered{err}
		}
		return err
	}
	return &p
}

func (c *Client) unreachable(err error) error {
	_, isNet := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, syscall.ECONNREFUSED), isNet:
		return &Unanswered{fmt.Errorf("Import Center does not answer at %s; start it (tapline dev), or name another with --server or TAPLINE_SERVER", c.server)}
	}
	return &Unanswered{fmt.Errorf("asking %s: %w", c.server, err)}
}
