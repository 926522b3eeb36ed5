package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// MaxSuppressions is how many identities one request may hold.
const MaxSuppressions = 10_000

// Suppressed reports whether a person is suppressed.
type Suppressed struct {
	Suppressed bool      `json:"suppressed"`
	Since      time.Time `json:"since,omitzero"`
}

// SuppressionCounts are how many people are suppressed in an account.
type SuppressionCounts struct {
	Account string `json:"account"`
	Entries int    `json:"entries"`
	Keys    []struct {
		KeyID   string `json:"keyId"`
		Entries int    `json:"entries"`
		Known   bool   `json:"known"`
		Newest  bool   `json:"newest"`
	} `json:"keys"`
}

// Suppress adds people to the list of an account.
func (c *Client) Suppress(ctx context.Context, account string, identities []string) (added, already int, err error) {
	var out struct{ Added, Already int }
	err = c.suppressions(ctx, account, "add", identities, &out)
	return out.Added, out.Already, err
}

// Release removes people from the list of an account.
func (c *Client) Release(ctx context.Context, account string, identities []string) (removed, absent int, err error) {
	var out struct{ Removed, Absent int }
	err = c.suppressions(ctx, account, "remove", identities, &out)
	return out.Removed, out.Absent, err
}

// Suppressed says of people, in their order, whether they are on the list.
func (c *Client) Suppressed(ctx context.Context, account string, identities []string) ([]Suppressed, error) {
	var out List[Suppressed]
	err := c.suppressions(ctx, account, "check", identities, &out)
	return out.Items, err
}

// SuppressionCounts counts the list of an account.
func (c *Client) SuppressionCounts(ctx context.Context, account string) (SuppressionCounts, error) {
	var out SuppressionCounts
	return out, c.do(ctx, http.MethodGet, "/v1/accounts/"+url.PathEscape(account)+"/suppressions", nil, nil, &out)
}

// suppressions sends identities in the body: a URL is in the logs of every proxy.
func (c *Client) suppressions(ctx context.Context, account, what string, identities []string, out any) error {
	return c.do(ctx, http.MethodPost, "/v1/accounts/"+url.PathEscape(account)+"/suppressions/"+what, nil, map[string]any{"identities": identities}, out)
}
