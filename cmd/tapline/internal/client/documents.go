package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxDocument bounds a definition that is read.
const maxDocument = 32 << 20

// Document reads a definition as the API shows it, with fields that this program does not
// know, and its ETag. plural is imports, connections, accounts or defaults.
func (c *Client) Document(ctx context.Context, plural, name string) (json.RawMessage, string, error) {
	res, err := c.send(ctx, http.MethodGet, "/v1/"+plural+"/"+url.PathEscape(name), nil, nil)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxDocument))
	if err != nil {
		return nil, "", fmt.Errorf("reading the answer of %s: %w", c.server, err)
	}
	return raw, res.Header.Get("ETag"), nil
}

// PutDocument replaces the definition that has the ETag.
func (c *Client) PutDocument(ctx context.Context, plural, name, etag string, document json.RawMessage) error {
	return c.doWithin(ctx, applyTimeout, http.MethodPut, "/v1/"+plural+"/"+url.PathEscape(name), http.Header{"If-Match": {etag}}, document, nil)
}

// Unanswered is an error of a request to which Import Center gave no answer: whether it
// was carried out is not known.
type Unanswered struct{ err error }

func (u *Unanswered) Error() string { return u.err.Error() }

// Unwrap returns the cause.
func (u *Unanswered) Unwrap() error { return u.err }

// MayPass reports whether an error may be gone soon: the server was not reached or could
// not serve the request.
func MayPass(err error) bool {
	if _, ok := errors.AsType[*Unanswered](err); ok {
		return true
	}
	p, ok := errors.AsType[*Problem](err)
	return ok && (p.Code == codeInFlight || p.Status == http.StatusBadGateway || p.Status == http.StatusServiceUnavailable || p.Status == http.StatusGatewayTimeout)
}

// codeInFlight is of a request whose first try is under way, as far as the server knows: it
// may have died with it.
const codeInFlight = "request_in_flight"

// InFlight reports whether the same request, tried before, is under way.
func InFlight(err error) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && p.Code == codeInFlight
}

// DeleteDocument deletes the definition that has the ETag.
func (c *Client) DeleteDocument(ctx context.Context, plural, name, etag string) error {
	return c.do(ctx, http.MethodDelete, "/v1/"+plural+"/"+url.PathEscape(name), http.Header{"If-Match": {etag}}, nil, nil)
}
