package importcenter

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/api"
	"tapline.dev/services/importcenter/internal/signin"
)

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
	groups, _ := c.groups(s.cfg.Auth.names()) // Validate has refused what cannot be read
	provider := signin.NewProvider(signin.OIDC{
		Issuer: c.Issuer, Audiences: c.audiences(), RolesClaim: c.RolesClaim, Groups: groups, NameClaim: c.NameClaim,
		Algorithms: c.Algorithms, ClockSkew: c.ClockSkew, Strength: signin.Strength{ACR: c.RequireACR, AMR: c.RequireAMR, MaxAge: c.MaxAuthAge},
	}, log)
	a.Tokens = provider
	out.info.OIDC = &api.OIDCSignIn{Issuer: c.Issuer, ClientID: cmp.Or(c.CLIClientID, c.ClientID), Scopes: c.Scopes, Browser: c.RedirectURL != ""}
	if c.RedirectURL == "" {
		return out
	}
	client := &signin.Client{Provider: provider, ID: c.ClientID, Secret: c.ClientSecret.Reveal(), RedirectURL: c.RedirectURL, Scopes: c.Scopes}
	auditing := func(ctx context.Context, action, name string, role access.Role) error {
		return s.auditSignIn(ctx, audit, action, name, role)
	}
	sessions := signin.NewSessions(rdb,
		signin.SessionRules{Idle: c.SessionIdle, Life: c.SessionLife, PerPerson: c.SessionsPerPerson, Refresh: c.RoleRefresh},
		signin.SessionDeps{Refresh: client.Refresh, Audit: auditing, Log: log})
	a.Sessions, out.sessions = sessions, sessions
	out.pages = (&signin.Browser{Client: client, Sessions: sessions, Redis: rdb, Now: s.now, Log: log, Audit: auditing}).Handler()
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
