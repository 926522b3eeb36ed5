package importcenter

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/guard"
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
	// RoleNames are what this deployment calls the roles, each as ROLE=NAME, such as
	// operator=runner. Roles and Require, keys and the API take either name; people are
	// shown this one. The log and the audit keep Tapline's own.
	RoleNames []string
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
	// as tapline-admins=admin. A person with several gets the highest, and of those that
	// give it the first. Selectors bounds the people of a value to some imports, each as
	// VALUE=name:PATTERN or VALUE=label:KEY=VALUE: several names of a value add up, and
	// labels must all fit.
	RolesClaim string
	Roles      []string
	Selectors  []string
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
	// among them. Many providers give a refresh token, which RoleRefresh needs, for
	// offline_access only.
	Scopes []string
	// RequireACR are the authentication contexts that the provider may name in a token's
	// acr claim, such as urn:okta:loa:2fa:any: a token must have one of them. They are
	// also requested at a sign-in. RequireAMR are methods of which a token's amr claim
	// must name each, such as mfa. Empty requires nothing. Both hold for every token, also
	// for those of scripts.
	RequireACR []string
	RequireAMR []string
	// MaxAuthAge bounds how long ago the person has signed in at the provider, by the
	// auth_time claim; 0 does not.
	MaxAuthAge time.Duration
	// SessionIdle ends a browser's session after so long without use, SessionLife
	// ends it in any case.
	SessionIdle time.Duration
	SessionLife time.Duration
	// SessionsPerPerson is how many sessions a person has at most; the oldest ends when
	// another begins.
	SessionsPerPerson int
	// RoleRefresh is how often the provider is asked again, by the refresh token of the
	// sign-in, for the role of a person whose session is in use. A person whom it does not
	// vouch for any more, or who has no role any more, is signed out. 0 never asks. Without
	// a refresh token, or while the provider does not answer, a session keeps its role for
	// at most SessionLife.
	RoleRefresh time.Duration
}

func defaultAuth() AuthConfig {
	return AuthConfig{Mode: authNone, OIDC: OIDCConfig{
		RolesClaim: "groups", NameClaim: "sub", Algorithms: []string{"RS256", "ES256"}, ClockSkew: time.Minute,
		Scopes: []string{"openid", "profile", "email"}, SessionIdle: 30 * time.Minute, SessionLife: time.Hour,
		SessionsPerPerson: 10, RoleRefresh: 5 * time.Minute,
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
	names, err := access.ParseNames(c.RoleNames)
	if err != nil {
		return config.Bad("roleNames", "%s", err)
	}
	if _, err := c.required(); err != nil {
		return config.Bad("require", "%s", err)
	}
	if !c.has(authOIDC) {
		return nil
	}
	return c.OIDC.check(names)
}

// names are what the deployment calls the roles, as far as Validate takes them.
func (c AuthConfig) names() access.Names {
	names, _ := access.ParseNames(c.RoleNames)
	return names
}

// asymmetric are the algorithms with a private key. With a shared secret, whoever
// can verify a token could also make one.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// check reports what is missing or wrong where people sign in with OpenID.
func (c OIDCConfig) check(names access.Names) error {
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
	bad(c.SessionsPerPerson < 1, "sessionsPerPerson", "must be at least 1")
	bad(c.RoleRefresh < 0 || c.RoleRefresh > 0 && c.RoleRefresh < time.Second, "roleRefresh", "must be at least 1s, or 0 to ask never")
	bad(c.MaxAuthAge < 0 || c.MaxAuthAge%time.Second != 0, "maxAuthAge", "must be whole seconds, or 0 for any age")
	bad(slices.ContainsFunc(slices.Concat(c.RequireACR, c.RequireAMR), func(v string) bool { return v == "" || strings.ContainsAny(v, " \t") }), "requireAcr",
		"and requireAmr have values without blanks")
	groups, err := c.roles(names)
	bad(err != nil, "roles", fmt.Sprint(err))
	_, err = c.bounded(groups)
	bad(err != nil, "selectors", fmt.Sprint(err))
	return errors.Join(errs...)
}

func (c OIDCConfig) audiences() []string {
	if len(c.Audiences) > 0 {
		return c.Audiences
	}
	return slices.DeleteFunc([]string{c.ClientID, c.CLIClientID}, func(id string) bool { return id == "" })
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
		role, err := c.names().Parse(name)
		if err != nil {
			return nil, fmt.Errorf("%q is not OPERATION=ROLE: %w", text, err)
		}
		if role <= route.Role {
			return nil, fmt.Errorf("%q opens or repeats what needs %s already; roles can be narrowed only", text, c.names().Of(route.Role))
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
