package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// Why a credential is not valid. The log says which; the caller gets one text for
// all of them.
var (
	errMalformed = errors.New("the credential is malformed")
	errDoubled   = errors.New("more than one credential was given")
	errUnknown   = errors.New("the key is unknown or revoked")
	errExpired   = errors.New("the credential has expired")
	errNarrowed  = errors.New("the credential has another role or selector than before")
	errMode      = errors.New("auth.mode does not take this kind of credential")
)

// tokens judges tokens of an OpenID provider.
type tokens interface {
	Caller(ctx context.Context, token string, now time.Time) (access.Caller, error)
}

// sessions finds the person of a session cookie.
type sessions interface {
	Caller(ctx context.Context, id string, now time.Time) (access.Caller, error)
}

// Authenticator finds out who sends a request. A field is nil if auth.mode does not
// allow that kind of credential.
type Authenticator struct {
	Keys     *Keys
	Tokens   tokens
	Sessions sessions
	Used     func(keyName string, at time.Time)
	Now      func() time.Time
}

// Authenticate returns the caller of a request: one of role Anyone if the request
// has no credential, an error if it has one that is not valid.
func (a *Authenticator) Authenticate(r *http.Request) (access.Caller, error) {
	headers, cookies := r.Header.Values("Authorization"), r.CookiesNamed(SessionCookie)
	switch {
	case len(headers)+len(cookies) == 0:
		return access.Caller{}, nil
	case len(headers)+len(cookies) > 1:
		return access.Caller{}, errDoubled
	case len(cookies) == 1:
		if a.Sessions == nil {
			return access.Caller{}, errMode
		}
		return a.Sessions.Caller(r.Context(), cookies[0].Value, a.Now())
	}
	scheme, credential, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || credential == "" || strings.ContainsAny(credential, " ,\t") {
		return access.Caller{}, errMalformed
	}
	return a.bearer(r.Context(), credential)
}

func (a *Authenticator) bearer(ctx context.Context, credential string) (access.Caller, error) {
	if !strings.HasPrefix(credential, schemas.AccessKeyPrefix) {
		if a.Tokens == nil {
			return access.Caller{}, errMode
		}
		return a.Tokens.Caller(ctx, credential, a.Now())
	}
	if a.Keys == nil {
		return access.Caller{}, errMode
	}
	caller, err := a.Keys.caller(credential, a.Now())
	if err == nil {
		a.Used(strings.TrimPrefix(caller.Name, "key:"), a.Now())
	}
	return caller, err
}
