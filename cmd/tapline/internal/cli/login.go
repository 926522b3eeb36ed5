package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"tapline.dev/cmd/tapline/internal/client"
)

// login is what tapline login keeps of one server.
type login struct {
	IDToken      string    `json:"idToken"`
	RefreshToken string    `json:"refreshToken,omitempty"`
	Expires      time.Time `json:"expires"`
	ClientID     string    `json:"clientId"`
	TokenURL     string    `json:"tokenUrl"`
}

func (a *app) loginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login", Short: "Sign in with the OpenID provider of Import Center", Args: cobra.NoArgs,
		Long: `Sign in with the OpenID provider of Import Center, in a browser on any machine: the
command shows an address and a code, and waits. What it gets is kept for this server
in a file that only you read, and is renewed for as long as the provider does.
Scripts take TAPLINE_TOKEN instead.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := client.New(a.server, actor())
			if err != nil {
				return err
			}
			how, err := c.SignIn(cmd.Context())
			if err != nil {
				return err
			}
			if how.OIDC == nil {
				return fmt.Errorf("%s signs nobody in with an OpenID provider; give a key in %s", a.server, tokenEnv)
			}
			kept, err := a.signIn(cmd.Context(), how.OIDC)
			if err != nil {
				return err
			}
			if err := a.keepLogin(kept); err != nil {
				return err
			}
			caller, err := c.WithToken(kept.IDToken).Caller(cmd.Context())
			if err != nil {
				return err
			}
			a.say("signed in at %s as %s, with the role %s", a.server, caller.Name, cmp.Or(caller.RoleName, caller.Role))
			return nil
		},
	}
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Delete what tapline login has stored for this server", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.keepLogin(nil); err != nil {
				return err
			}
			a.say("signed out of %s", a.server)
			return nil
		},
	}
}

// provider is an OpenID provider's configuration document.
type provider struct {
	Device string `json:"device_authorization_endpoint"`
	Token  string `json:"token_endpoint"`
}

// maxDiscovery bounds that document.
const maxDiscovery = 1 << 20

func discover(ctx context.Context, issuer string) (p provider, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", http.NoBody)
	if err != nil {
		return p, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return p, fmt.Errorf("asking the OpenID provider %s: %w", issuer, err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	if err := json.NewDecoder(io.LimitReader(res.Body, maxDiscovery)).Decode(&p); err != nil || res.StatusCode != http.StatusOK {
		return p, fmt.Errorf("asking the OpenID provider %s: it answered %s instead of its configuration", issuer, res.Status)
	}
	if p.Device == "" || p.Token == "" {
		return p, fmt.Errorf("the OpenID provider %s has no device flow, which tapline login needs; use a key", issuer)
	}
	return p, nil
}

// signIn goes through the device flow.
func (a *app) signIn(ctx context.Context, how *client.OIDC) (*login, error) {
	p, err := discover(ctx, how.Issuer)
	if err != nil {
		return nil, err
	}
	config := oauth2.Config{
		ClientID: how.ClientID, Scopes: append([]string{"offline_access"}, how.Scopes...),
		Endpoint: oauth2.Endpoint{DeviceAuthURL: p.Device, TokenURL: p.Token, AuthStyle: oauth2.AuthStyleInParams},
	}
	device, err := config.DeviceAuth(ctx)
	if err != nil {
		return nil, fmt.Errorf("beginning to sign in: %w", err)
	}
	a.say("open %s in a browser and enter the code %s", device.VerificationURI, device.UserCode)
	token, err := config.DeviceAccessToken(ctx, device)
	if err != nil {
		return nil, fmt.Errorf("signing in: %w", err)
	}
	return loginOf(token, how.ClientID, p.Token)
}

func loginOf(token *oauth2.Token, clientID, tokenURL string) (*login, error) {
	id, _ := token.Extra("id_token").(string)
	if id == "" {
		return nil, errors.New("signing in: the OpenID provider gave no ID token; is openid among auth.oidc.scopes?")
	}
	return &login{IDToken: id, RefreshToken: token.RefreshToken, Expires: token.Expiry, ClientID: clientID, TokenURL: tokenURL}, nil
}

// renewBefore is how long before its end a token is renewed.
const renewBefore = time.Minute

// loggedIn returns the token that is stored for the server, renewed if it is about
// to expire, and none if nobody has signed in there.
func (a *app) loggedIn(ctx context.Context) (string, error) {
	all, err := readLogins()
	kept, ok := all[a.server]
	if err != nil || !ok {
		return "", err
	}
	if kept.RefreshToken == "" || time.Until(kept.Expires) > renewBefore {
		return kept.IDToken, nil
	}
	config := oauth2.Config{ClientID: kept.ClientID, Endpoint: oauth2.Endpoint{TokenURL: kept.TokenURL, AuthStyle: oauth2.AuthStyleInParams}}
	token, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: kept.RefreshToken}).Token()
	if err != nil {
		return "", fmt.Errorf("the OpenID provider does not renew your sign-in; tapline login signs in again: %w", err)
	}
	renewed, err := loginOf(token, kept.ClientID, kept.TokenURL)
	if err != nil {
		return "", err
	}
	return renewed.IDToken, a.keepLogin(renewed)
}

func loginsPath() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the file of the sign-ins: %w", err)
	}
	return filepath.Join(dir, "tapline", "logins.json"), nil
}

// readLogins are the sign-ins by server; none where there is no home.
func readLogins() (map[string]*login, error) {
	path, err := loginsPath()
	if err != nil {
		return nil, nil //nolint:nilerr // nobody without a home has signed in
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	all := map[string]*login{}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the sign-ins in %s: %w", path, err)
	}
	return all, nil
}

// keepLogin stores the sign-in of this server, or removes it if kept is nil.
func (a *app) keepLogin(kept *login) error {
	path, err := loginsPath()
	if err != nil {
		return err
	}
	all, err := readLogins()
	if err != nil {
		return err
	}
	if all == nil {
		all = map[string]*login{}
	}
	if delete(all, a.server); kept != nil {
		all[a.server] = kept
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return fmt.Errorf("keeping the sign-in: %w", err)
	}
	return writeKeyFile(path, string(text))
}
