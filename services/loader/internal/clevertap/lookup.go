package clevertap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/schemas"
)

const (
	// lookups is how many profiles CleverTap lets an account look up at once.
	lookups = 3
	// lookupTries bounds how often one look-up is asked, lookupPause what is waited
	// before the second.
	lookupTries = 4
	lookupPause = 200 * time.Millisecond
)

// errLookup is a look-up that CleverTap does not answer. No cause is kept: the
// transport's would quote the identity.
var errLookup = errors.New("CleverTap does not answer the look-up of a profile")

// ErrLookupRefused and ErrLookupTooLarge say why a profile could not be read.
var (
	ErrLookupRefused  = errors.New("CleverTap refuses the credentials of a look-up")
	ErrLookupTooLarge = errors.New("CleverTap's answer to a look-up is too large")
)

// Exists reports whether there is a profile, by "identity" or "objectId".
func (c *Client) Exists(ctx context.Context, by, id string) (bool, error) {
	profile, err := c.Profile(ctx, by, id)
	return profile != nil, err
}

// Profile looks a profile up, by "identity" or "objectId", and returns CleverTap's record
// of it; nil if there is none. At most three look-ups of an account are under way.
func (c *Client) Profile(ctx context.Context, by, id string) (json.RawMessage, error) {
	for try := range lookupTries {
		if try > 0 {
			if err := backoff.Wait(ctx, lookupPause<<(try-1)); err != nil {
				return nil, err
			}
		}
		status, profile, err := c.lookUp(ctx, by, id)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, ErrLookupTooLarge):
			return nil, err
		case err != nil:
		case status == http.StatusOK:
			return profile, nil
		case status == http.StatusNotFound:
			return nil, nil //nolint:nilnil // no profile is no error
		case status == http.StatusUnauthorized || status == http.StatusForbidden:
			return nil, ErrLookupRefused
		case status != http.StatusTooManyRequests && status < 500:
			return nil, fmt.Errorf("%w: HTTP %d", errLookup, status)
		}
	}
	return nil, errLookup
}

func (c *Client) lookUp(ctx context.Context, by, id string) (status int, profile json.RawMessage, err error) {
	select {
	case c.lookups <- struct{}{}:
		defer func() { <-c.lookups }()
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, c.acc.Timeout)
	defer cancel()
	address := strings.TrimRight(c.acc.Endpoint, "/") + "/1/profile.json?" + url.Values{by: {id}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, errLookup
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("X-CleverTap-Account-Id", c.acc.AccountID)
	req.Header.Set("X-CleverTap-Passcode", c.acc.Passcode)
	req.Header.Set("User-Agent", "tapline")
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, errLookup
	}
	defer func() { _ = res.Body.Close() }() // the answer is read or lost
	raw, err := io.ReadAll(io.LimitReader(res.Body, schemas.MaxProfileBytes+1))
	switch {
	case res.StatusCode != http.StatusOK:
		return res.StatusCode, nil, nil
	case err != nil:
		return 0, nil, errLookup
	case len(raw) > schemas.MaxProfileBytes:
		return 0, nil, ErrLookupTooLarge
	}
	profile, err = recordOf(raw)
	return res.StatusCode, profile, err
}

// recordOf takes the record from an answer; nil if the answer has none.
func recordOf(raw []byte) (json.RawMessage, error) {
	var body struct {
		Record json.RawMessage `json:"record"`
	}
	if json.Unmarshal(raw, &body) != nil {
		return nil, errLookup
	}
	var fields map[string]json.RawMessage
	if body.Record == nil || bytes.Equal(body.Record, []byte("null")) {
		return nil, nil
	}
	if json.Unmarshal(body.Record, &fields) != nil {
		return nil, errLookup
	}
	if len(fields) == 0 {
		return nil, nil
	}
	return body.Record, nil
}
