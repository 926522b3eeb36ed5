package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"tapline.dev/services/importcenter/internal/access"
)

// Client is Import Center as the provider knows it.
type Client struct {
	Provider    *Provider
	ID          string
	Secret      string
	RedirectURL string
	Scopes      []string
}

// errTakenAway says that the provider does not vouch for a person any more.
var errTakenAway = errors.New("the provider has ended the sign-in")

// errNoRole says that the provider vouches for a person without saying their role.
var errNoRole = errors.New("the provider has refreshed a sign-in without an ID token")

func (c *Client) oauth(ctx context.Context, now time.Time) (*oauth2.Config, error) {
	found, err := c.Provider.discover(ctx, now)
	if err != nil {
		return nil, err
	}
	return &oauth2.Config{ClientID: c.ID, ClientSecret: c.Secret, Endpoint: found.endpoint, RedirectURL: c.RedirectURL, Scopes: c.Scopes}, nil
}

// exchange turns what the provider has answered to a sign-in into its caller, and into
// the refresh token if the provider gives one.
func (c *Client) exchange(ctx context.Context, code string, p pending, now time.Time) (caller access.Caller, refresh string, err error) {
	config, err := c.oauth(ctx, now)
	if err != nil {
		return access.Caller{}, "", err
	}
	ctx = oidc.ClientContext(ctx, c.Provider.client)
	tokens, err := config.Exchange(ctx, code, oauth2.VerifierOption(p.Verifier))
	if err != nil {
		return access.Caller{}, "", withoutBody(err)
	}
	text, _ := tokens.Extra("id_token").(string)
	caller, err = c.Provider.caller(ctx, text, expected{nonce: p.Nonce, strength: true}, now)
	return caller, tokens.RefreshToken, err
}

// Refresh asks the provider who a person is now, and returns the refresh token to use
// next. How the person has signed in was judged when the session began; providers leave
// that out of what they say later.
func (c *Client) Refresh(ctx context.Context, token string, now time.Time) (caller access.Caller, next string, err error) {
	config, err := c.oauth(ctx, now)
	if err != nil {
		return access.Caller{}, "", err
	}
	ctx = oidc.ClientContext(ctx, c.Provider.client)
	tokens, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token}).Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
		return access.Caller{}, "", errTakenAway
	}
	if err != nil {
		return access.Caller{}, "", withoutBody(err)
	}
	text, _ := tokens.Extra("id_token").(string)
	if text == "" {
		return access.Caller{}, tokens.RefreshToken, errNoRole
	}
	caller, err = c.Provider.caller(ctx, text, expected{}, now)
	return caller, tokens.RefreshToken, err
}

// tokenErrors are the codes of RFC 6749 that say what is wrong with the configuration.
var tokenErrors = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}

// withoutBody leaves out of an error what the provider, or a proxy on the way, has answered:
// it may repeat the token or the code that it was sent, and the error is logged.
func withoutBody(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case ok && slices.Contains(tokenErrors, refused.ErrorCode):
		return fmt.Errorf("the provider answers a request for tokens with %d, %s", refused.Response.StatusCode, refused.ErrorCode)
	case ok:
		return fmt.Errorf("the provider answers a request for tokens with %d", refused.Response.StatusCode)
	}
	return err
}
