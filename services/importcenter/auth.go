package importcenter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/api"
	"tapline.dev/services/importcenter/internal/guard"
	"tapline.dev/services/importcenter/internal/signin"
)

// Values of auth.mode.
const (
	authNone = "none"
	authKeys = "keys"
	authOIDC = "oidc"
)

// AuthConfig says who may sign in and how.
type AuthConfig struct {
	// Mode is none, keys, oidc, or "keys,oidc". With none everybody who reaches the
	// address is an admin, so that it is allowed on a loopback address only.
	Mode string
	OIDC OIDCConfig
	// Require narrows roles: each is OPERATION=ROLE, such as reset-import=admin, and the
	// operation then needs at least this role. docs/access.md lists the operations. None
	// can be opened to a lesser role than it has there.
	Require []string
}

// OIDCConfig says where people sign in.
type OIDCConfig struct {
	// Issuer is the provider's URL; its endpoints are read from
	// /.well-known/openid-configuration there.
	Issuer string
	// ClientID and ClientSecret are those of Import Center at the provider, for signing
	// in with a browser; CLIClientID is the public client of tapline login.
	ClientID     string
	ClientSecret config.Secret
	CLIClientID  string
	// Audiences are the accepted audiences: the aud claim of a token must name one
	// of them. Empty means the two client ids.
	Audiences []string
	// RolesClaim is the claim that lists a person's groups or roles at the
	// provider; a dot reaches into an object, such as realm_access.roles. Roles
	// gives the role of Tapline for a value of that claim, each as VALUE=ROLE, such
	// as tapline-admins=admin. A person with several gets the highest.
	RolesClaim string
	Roles      []string
	// NameClaim is the claim that names people in the audit topic.
	NameClaim string
	// Algorithms are the signature algorithms that are accepted.
	Algorithms []string
	// ClockSkew is how far the provider's clock may differ from this machine's.
	ClockSkew time.Duration
	// RedirectURL is Import Center's own address with /auth/callback, as the
	// provider knows it. Empty turns signing in with a browser off.
	RedirectURL string
	// Scopes are the scopes that are requested from the provider; openid must be
	// among them.
	Scopes []string
	// SessionIdle ends a browser's session after so long without use, SessionLife
	// ends it in any case. A session keeps the role that its person had at the
	// sign-in: if the provider takes the role away, it stays in force for at most
	// SessionLife.
	SessionIdle time.Duration
	SessionLife time.Duration
}

func defaultAuth() AuthConfig {
	return AuthConfig{Mode: authNone, OIDC: OIDCConfig{
		RolesClaim: "groups", NameClaim: "sub", Algorithms: []string{"RS256", "ES256"}, ClockSkew: time.Minute,
		Scopes: []string{"openid", "profile", "email"}, SessionIdle: 30 * time.Minute, SessionLife: time.Hour,
	}}
}

// Validate reports what cannot work.
func (c AuthConfig) Validate() error {
	ways := c.ways()
	for _, way := range ways {
		if !slices.Contains([]string{authNone, authKeys, authOIDC}, way) {
			return config.Bad("mode", `must be "none", "keys", "oidc" or "keys,oidc"`)
		}
	}
	if c.has(authNone) && len(ways) > 1 {
		return config.Bad("mode", `"none" cannot be combined with another mode`)
	}
	if _, err := c.required(); err != nil {
		return config.Bad("require", "%s", err)
	}
	if !c.has(authOIDC) {
		return nil
	}
	return c.OIDC.check()
}

// asymmetric are the algorithms with a private key. With a shared secret, whoever
// can verify a token could also make one.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// check reports what is missing or wrong where people sign in with OpenID.
func (c OIDCConfig) check() error {
	var errs []error
	bad := func(wrong bool, key, problem string) {
		if wrong {
			errs = append(errs, config.Bad("oidc."+key, "%s", problem))
		}
	}
	issuer, err := url.Parse(c.Issuer)
	bad(err != nil || issuer.Host == "" || (issuer.Scheme != "https" && !guard.Loopback(issuer.Hostname())), "issuer", "must be an https URL")
	bad(len(c.audiences()) == 0, "clientId", "must be set, or cliClientId or audiences")
	bad(c.RedirectURL != "" && (c.ClientID == "" || !strings.HasSuffix(c.RedirectURL, "/auth/callback") || !strings.HasPrefix(c.RedirectURL, "https://")), "redirectUrl",
		"must be an https URL that ends in /auth/callback, and needs clientId")
	bad(len(c.Algorithms) == 0 || slices.ContainsFunc(c.Algorithms, func(a string) bool { return !slices.Contains(asymmetric, a) }), "algorithms",
		"must be asymmetric ones, such as RS256 and ES256")
	bad(c.ClockSkew < 0 || c.ClockSkew > 5*time.Minute, "clockSkew", "must lie between 0 and 5m")
	bad(c.SessionIdle <= 0 || c.SessionLife < c.SessionIdle, "sessionLife", "must not be shorter than sessionIdle, which is positive")
	_, err = c.roles()
	bad(err != nil, "roles", fmt.Sprint(err))
	return errors.Join(errs...)
}

func (c OIDCConfig) audiences() []string {
	if len(c.Audiences) > 0 {
		return c.Audiences
	}
	return slices.DeleteFunc([]string{c.ClientID, c.CLIClientID}, func(id string) bool { return id == "" })
}

func (c OIDCConfig) roles() (map[string]access.Role, error) {
	roles := map[string]access.Role{}
	for _, text := range c.Roles {
		value, name, _ := strings.Cut(text, "=")
		role, err := access.ParseRole(name)
		if err != nil {
			return nil, fmt.Errorf("%q is not VALUE=ROLE: %w", text, err)
		}
		roles[value] = role
	}
	if len(roles) == 0 {
		return nil, errors.New("must give at least one value of the claim a role, such as tapline-admins=admin")
	}
	return roles, nil
}

// required is the least role of the operations that the deployment has narrowed.
func (c AuthConfig) required() (map[string]access.Role, error) {
	roles := map[string]access.Role{}
	for _, text := range c.Require {
		operation, name, _ := strings.Cut(text, "=")
		route, ok := access.Routes[operation]
		if !ok {
			return nil, fmt.Errorf("%q names no operation of docs/access.md, as in reset-import=admin", text)
		}
		role, err := access.ParseRole(name)
		if err != nil {
			return nil, fmt.Errorf("%q is not OPERATION=ROLE: %w", text, err)
		}
		if role <= route.Role {
			return nil, fmt.Errorf("%q opens or repeats what needs %s already; roles can be narrowed only", text, route.Role)
		}
		roles[operation] = role
	}
	return roles, nil
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

// trustEverybody makes every caller an admin, under the name that the client says.
func trustEverybody(r *http.Request) (access.Caller, error) {
	name := r.Header.Get("Tapline-Actor")
	if name == "" {
		name = anonymous
	}
	return access.Caller{Name: name, Role: access.Admin, By: access.ByNothing}, nil
}

// signingIn is how callers prove who they are, as auth.mode says.
type signingIn struct {
	authenticate func(*http.Request) (access.Caller, error)
	info         api.SignIn
	pages        *http.ServeMux
	sessions     api.Sessions // nil without a sign-in with a browser
}

func (s *Service) signingIn(keys *signin.Keys, used *signin.LastUse, rdb *redis.Client, audit func(context.Context, *kafka.Record) error) signingIn {
	if s.cfg.Auth.has(authNone) {
		return signingIn{authenticate: trustEverybody}
	}
	a := &signin.Authenticator{Used: used.Note, Now: s.now}
	out := signingIn{authenticate: a.Authenticate, info: api.SignIn{Keys: s.cfg.Auth.has(authKeys)}}
	if s.cfg.Auth.has(authKeys) {
		a.Keys = keys
	}
	if !s.cfg.Auth.has(authOIDC) {
		return out
	}
	log, c := s.deps.Telemetry.Logger, s.cfg.Auth.OIDC
	roles, _ := c.roles() // Validate has refused what cannot be read
	provider := signin.NewProvider(signin.OIDC{
		Issuer: c.Issuer, Audiences: c.audiences(), RolesClaim: c.RolesClaim, Roles: roles, NameClaim: c.NameClaim,
		Algorithms: c.Algorithms, ClockSkew: c.ClockSkew,
	}, log)
	a.Tokens = provider
	out.info.OIDC = &api.OIDCSignIn{Issuer: c.Issuer, ClientID: cmp.Or(c.CLIClientID, c.ClientID), Scopes: c.Scopes, Browser: c.RedirectURL != ""}
	if c.RedirectURL == "" {
		return out
	}
	sessions := signin.NewSessions(rdb, c.SessionIdle, c.SessionLife, log)
	a.Sessions, out.sessions = sessions, sessions
	out.pages = (&signin.Browser{
		Provider: provider, Sessions: sessions, Redis: rdb, ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(),
		RedirectURL: c.RedirectURL, Scopes: c.Scopes, Now: s.now, Log: log,
		Audit: func(ctx context.Context, action, name string, role access.Role) error {
			return s.auditSignIn(ctx, audit, action, name, role)
		},
	}).Handler()
	return out
}

// auditSignIn writes that somebody signs in or out.
func (s *Service) auditSignIn(ctx context.Context, audit func(context.Context, *kafka.Record) error, action, name string, role access.Role) error {
	origin := access.OriginOf(ctx)
	record, err := control.Record(s.topics.Audit(), name, name, schemas.AuditEntry{
		Actor: name, Action: action, Kind: "session", Name: name, Role: role.String(), From: origin.Addr, RequestID: origin.RequestID,
		Traceparent: telemetry.Traceparent(ctx), Time: s.now().UTC(),
	}, "audit", "importcenter")
	if err != nil {
		return err
	}
	record.Partition = 0
	return audit(ctx, record)
}

const (
	confirmEvery = time.Second
	confirmWait  = 10 * time.Second
)

// confirmKeys reads the log to its end every second, so that each revoked key is
// known soon; see signin.Keys.Confirm.
func confirmKeys(ctx context.Context, readToEnd func(context.Context) error, keys *signin.Keys, now func() time.Time) error {
	tick := time.NewTicker(confirmEvery)
	defer tick.Stop()
	for {
		began := now()
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
