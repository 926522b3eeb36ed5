package access

import (
	"context"
	"errors"
	"time"

	"tapline.dev/schemas"
)

// How a caller proved who they are.
const (
	ByNothing = "none" // auth.mode none
	ByKey     = "key"
	ByToken   = "oidc"
	BySession = "session"
)

// Caller is the authenticated sender of a request. The zero value has not
// authenticated.
type Caller struct {
	// Name stands in the audit topic: key:NAME, or oidc:SUBJECT.
	Name string
	Role Role
	By   string
	// Session is the id of the browser's session that the request came with; "" without.
	Session string
	// Selector restricts the caller to some imports; nil restricts nothing.
	Selector *schemas.Selector
	// Expires is when the credential ends; zero is never.
	Expires time.Time
	// Holds says why the credential is no longer valid: revoked, expired, narrowed, or not
	// known to be valid any more, which is an UnavailableError. A nil Holds means that it
	// always is. A long answer asks it again while it runs.
	Holds func(now time.Time) error
}

// errExpired says that a credential has reached its end.
var errExpired = errors.New("the credential has expired")

// StillHolds says why the credential is no longer valid; nil means that it is.
func (c Caller) StillHolds(now time.Time) error {
	if !c.Expires.IsZero() && !now.Before(c.Expires) {
		return errExpired
	}
	if c.Holds == nil {
		return nil
	}
	return c.Holds(now)
}

// May reports whether the caller's role suffices.
func (c Caller) May(r Role) bool { return c.Role >= r }

// Reaches reports whether the caller's selector includes an import.
func (c Caller) Reaches(m schemas.Metadata) bool {
	return c.Selector == nil || c.Selector.Selects(m)
}

// Origin is where a request came from, for the audit topic.
type Origin struct {
	// Addr is the address of the connection, or what a trusted proxy says, without its
	// port.
	Addr string
	// RequestID is the X-Request-Id of the answer.
	RequestID string
}

type (
	callerKey struct{}
	originKey struct{}
)

// WithCaller puts a proven caller into a context.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf is the proven caller of a request.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// WithOrigin puts where a request came from into a context.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf is where a request came from.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// UnavailableError says that a credential could not be checked because Kafka, Redis
// or the OpenID provider, whichever knows it, does not answer.
type UnavailableError struct{ Detail string }

// Error is the detail.
func (e *UnavailableError) Error() string { return e.Detail }
