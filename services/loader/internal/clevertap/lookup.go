package clevertap

import (
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

// Exists looks a profile up, by "identity" or "objectId". At most three look-ups
// of an account are under way.
func (c *Client) Exists(ctx context.Context, by, id string) (bool, error) {
	for try := range lookupTries {
		if try > 0 {
			if err := backoff.Wait(ctx, lookupPause<<(try-1)); err != nil {
				return false, err
			}
		}
		status, found, err := c.lookUp(ctx, by, id)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
		case status == http.StatusOK:
			return found, nil
		case status == http.StatusNotFound:
			return false, nil
		case status != http.StatusTooManyRequests && status < 500:
			return false, fmt.Errorf("%w: HTTP %d", errLookup, status)
		}
	}
	return false, errLookup
}

func (c *Client) lookUp(ctx context.Context, by, id string) (status int, found bool, err error) {
	select {
	case c.lookups <- struct{}{}:
		defer func() { <-c.lookups }()
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, c.acc.Timeout)
	defer cancel()
	address := strings.TrimRight(c.acc.Endpoint, "/") + "/1/profile.json?" + url.Values{by: {id}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, false, errLookup
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("X-CleverTap-Account-Id", c.acc.AccountID)
	req.Header.Set("X-CleverTap-Passcode", c.acc.Passcode)
	req.Header.Set("User-Agent", "tapline")
	res, err := c.http.Do(req)
	if err != nil {
		return 0, false, errLookup
	}
	defer func() { _ = res.Body.Close() }() // the answer is read or lost
	var body struct {
		Record map[string]json.RawMessage `json:"record"`
	}
	err = json.NewDecoder(io.LimitReader(res.Body, c.acc.MaxResponseBytes)).Decode(&body)
	if err != nil && res.StatusCode == http.StatusOK {
		return 0, false, errLookup
	}
	return res.StatusCode, len(body.Record) > 0, nil
}
