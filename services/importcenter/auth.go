package importcenter

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/api"
	"tapline.dev/services/importcenter/internal/guard"
	"tapline.dev/services/importcenter/internal/signin"
)

// Ways of auth.mode.
const (
	authNone = "none"
	authKeys = "keys"
)

// AuthConfig says who may sign in and how.
type AuthConfig struct {
	// Mode is none, keys, oidc, or "keys,oidc". With none everybody who reaches the
	// address is an admin, so that it is allowed on a loopback address only.
	Mode string
}

// Validate reports what cannot work.
func (c AuthConfig) Validate() error {
	ways := c.ways()
	for _, way := range ways {
		if !slices.Contains([]string{authNone, authKeys}, way) {
			return config.Bad("mode", `must be "none" or "keys"`)
		}
	}
	if c.has(authNone) && len(ways) > 1 {
		return config.Bad("mode", `none stands alone`)
	}
	return nil
}

func (c AuthConfig) ways() []string {
	ways := strings.Split(c.Mode, ",")
	for i := range ways {
		ways[i] = strings.TrimSpace(ways[i])
	}
	return ways
}

func (c AuthConfig) has(way string) bool { return slices.Contains(c.ways(), way) }

// openToAll reports an address that others than this machine reach while nobody
// signs in.
func (c Config) openToAll() error {
	host, _, err := net.SplitHostPort(c.HTTP.Addr)
	if err != nil || !c.Auth.has(authNone) || guard.Loopback(host) {
		return nil //nolint:nilerr // http.addr reports itself
	}
	return config.Bad("auth.mode", "is none, so that everybody who reaches %s could do everything: "+
		`set it to keys, and make the first key with "tapline keys bootstrap", or set http.addr to a loopback address such as 127.0.0.1:19000`, c.HTTP.Addr)
}

// anonymous is who asks where nobody signs in and the client says no name.
const anonymous = "anonymous"

// everybody lets everybody do everything, under the name that the client says.
func everybody(r *http.Request) (access.Caller, error) {
	name := r.Header.Get("Tapline-Actor")
	if name == "" {
		name = anonymous
	}
	return access.Caller{Name: name, Role: access.Admin, By: access.ByNothing}, nil
}

// authenticator proves callers as auth.mode says.
func (s *Service) authenticator(keys *signin.Keys, used *signin.Used) (func(*http.Request) (access.Caller, error), api.SignIn) {
	if s.cfg.Auth.has(authNone) {
		return everybody, api.SignIn{}
	}
	a := &signin.Authenticator{Used: used.Note, Now: time.Now}
	if s.cfg.Auth.has(authKeys) {
		a.Keys = keys
	}
	return a.Authenticate, api.SignIn{Keys: a.Keys != nil}
}

const (
	confirmEvery = time.Second
	confirmWait  = 10 * time.Second
)

// confirmKeys makes sure, over and over, that every revocation is known.
func confirmKeys(ctx context.Context, readToEnd func(context.Context) error, keys *signin.Keys) error {
	tick := time.NewTicker(confirmEvery)
	defer tick.Stop()
	for {
		began := time.Now()
		waiting, cancel := context.WithTimeout(ctx, confirmWait)
		err := readToEnd(waiting)
		cancel()
		if err == nil {
			keys.Confirm(began)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil
			}
			return ctx.Err()
		}
	}
}
