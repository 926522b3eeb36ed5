package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// OIDC is a deployment's configuration of its OpenID provider.
type OIDC struct {
	Issuer    string
	Audiences []string
	// RolesClaim is the claim that lists the bearer's groups or roles; a dot
	// reaches into an object.
	RolesClaim string
	// Groups are what values of the claim give; others give nothing.
	Groups []Group
	// NameClaim is the claim that stands in the audit topic.
	NameClaim  string
	Algorithms []string
	ClockSkew  time.Duration
	// Strength is how people must have signed in.
	Strength Strength
}

// Group is what a value of the roles claim gives to whoever bears it.
type Group struct {
	Value string
	Role  access.Role
	// Selector restricts its people to some imports; nil restricts nothing.
	Selector *schemas.Selector
}

// expected is what a token has to fulfil besides being valid.
type expected struct {
	// nonce is that of the sign-in in a browser to which the token belongs; "" for others.
	nonce string
	// strength says that the token has to show how its person has signed in.
	strength bool
}

var (
	errToken = errors.New("the token is not valid")
	errNoSub = errors.New("the token names nobody")
)

const (
	// discoverAgainAfter is how long after a failure the provider is asked again.
	discoverAgainAfter = 5 * time.Second
	fetchTimeout       = 10 * time.Second
)

// Provider checks the tokens of an OpenID provider. It reads the provider's
// configuration when it is first needed, so that Import Center also starts while
// the provider does not answer. It is safe for concurrent use.
type Provider struct {
	cfg    OIDC
	client *http.Client
	log    *slog.Logger

	mu    sync.Mutex
	found *discovered
	tried time.Time
}

// discovered is the provider's configuration document.
type discovered struct {
	endpoint oauth2.Endpoint
	keys     *keySet
}

// NewProvider asks nothing yet.
func NewProvider(cfg OIDC, log *slog.Logger) *Provider {
	return &Provider{cfg: cfg, client: &http.Client{Timeout: fetchTimeout}, log: log}
}

// discover returns the provider's configuration, which is read once.
func (p *Provider) discover(ctx context.Context, now time.Time) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if now.Sub(p.tried) < discoverAgainAfter {
		return nil, p.unavailable()
	}
	p.tried = now
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.cfg.Issuer)
	var claims struct {
		JWKS string `json:"jwks_uri"`
	}
	if err == nil {
		err = provider.Claims(&claims)
	}
	if err != nil {
		p.log.WarnContext(ctx, "the OpenID provider does not answer", slog.Any("error", err))
		return nil, p.unavailable()
	}
	p.found = &discovered{endpoint: provider.Endpoint(), keys: &keySet{url: claims.JWKS, client: p.client, log: p.log}}
	return p.found, nil
}

func (p *Provider) unavailable() error {
	return &access.UnavailableError{Detail: "the OpenID provider does not answer, so nobody new can sign in with it; try again, or use a key"}
}

// Caller returns the caller that a token belongs to.
func (p *Provider) Caller(ctx context.Context, token string, now time.Time) (access.Caller, error) {
	return p.caller(ctx, token, expected{strength: true}, now)
}

func (p *Provider) caller(ctx context.Context, token string, want expected, now time.Time) (access.Caller, error) {
	if strings.Count(token, ".") != 2 {
		return access.Caller{}, errMalformed // not worth a question to the provider
	}
	found, err := p.discover(ctx, now)
	if err != nil {
		return access.Caller{}, err
	}
	if err := found.keys.ready(ctx, now); err != nil {
		return access.Caller{}, err
	}
	verifier := oidc.NewVerifier(p.cfg.Issuer, found.keys, &oidc.Config{
		SkipClientIDCheck: true, SkipExpiryCheck: true, // both are checked below
		SupportedSigningAlgs: p.cfg.Algorithms,
	})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return access.Caller{}, fmt.Errorf("%w: its signature, issuer or algorithm", errToken)
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return access.Caller{}, fmt.Errorf("%w: its claims", errToken)
	}
	if err := p.check(verified, claims, want, now); err != nil {
		return access.Caller{}, err
	}
	name, ok := claims[p.cfg.NameClaim].(string)
	if !ok || name == "" {
		return access.Caller{}, errNoSub
	}
	group := p.group(claims)
	return access.Caller{
		Name: "oidc:" + name, Role: group.Role, Selector: group.Selector, By: access.ByToken, Expires: verified.Expiry.Add(p.cfg.ClockSkew),
	}, nil
}

func (p *Provider) check(token *oidc.IDToken, claims map[string]any, want expected, now time.Time) error {
	if !slices.ContainsFunc(token.Audience, func(a string) bool { return slices.Contains(p.cfg.Audiences, a) }) {
		return fmt.Errorf("%w: its audience is another client", errToken)
	}
	if token.Expiry.IsZero() || !now.Before(token.Expiry.Add(p.cfg.ClockSkew)) {
		return errExpired
	}
	if from, ok := claims["nbf"].(float64); ok && now.Add(p.cfg.ClockSkew).Before(time.Unix(int64(from), 0)) {
		return fmt.Errorf("%w: it is not valid yet", errToken)
	}
	if token.IssuedAt.After(now.Add(p.cfg.ClockSkew)) {
		return fmt.Errorf("%w: it was issued in the future", errToken)
	}
	if want.nonce != "" && token.Nonce != want.nonce {
		return fmt.Errorf("%w: it belongs to another sign-in", errToken)
	}
	if !want.strength {
		return nil
	}
	return p.cfg.Strength.check(claims, now, p.cfg.ClockSkew)
}

// group is the one of the person's groups that gives the highest role, the first of these
// in the configuration; the zero value gives none.
func (p *Provider) group(claims map[string]any) Group {
	var value any = claims
	for part := range strings.SplitSeq(p.cfg.RolesClaim, ".") {
		object, _ := value.(map[string]any)
		value = object[part]
	}
	values, ok := value.([]any)
	if !ok {
		values = []any{value}
	}
	var best Group
	for _, g := range p.cfg.Groups {
		if g.Role > best.Role && slices.Contains(values, any(g.Value)) {
			best = g
		}
	}
	return best
}
