package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"tapline.dev/services/importcenter/internal/access"
)

const (
	// allowedEvery is how often it is checked that the caller of a request that is being
	// answered may still have the answer.
	allowedEvery = 250 * time.Millisecond
	// refusalTimeout is how long the reader has to take the rest of the answer once the
	// caller may not have it: enough for a refusal.
	refusalTimeout = 500 * time.Millisecond
)

// errCredential ends the answer to a caller who may not have it any more.
var errCredential = errors.New("the caller may not have the answer any more")

// whileAllowed answers a request for as long as its caller may read the answer: a key or
// a session that ends, or is narrowed, ends the streams and the scans that it began. The
// context of the request is cancelled, and a reader who does not read is left. Without
// this a stream that waits, a scan that finds nothing and a write that blocks would go
// on. What changes something is judged when it begins and when it is written.
func (h *handlers) whileAllowed(ctx huma.Context, route access.Route, caller access.Caller, next func(huma.Context)) {
	reads := ctx.Method() == http.MethodGet || route.ShowsRows
	if !reads || caller.Holds == nil && caller.Expires.IsZero() {
		next(ctx)
		return
	}
	holds, selected := caller.Holds, caller
	caller.Holds = func(now time.Time) error {
		if holds != nil {
			if err := holds(now); err != nil {
				return err
			}
		}
		if refusal := h.refusalOf(ctx, route, selected); refusal != nil {
			return refusal // the import has other labels by now
		}
		return nil
	}
	inner, cancel := context.WithCancelCause(access.WithCaller(ctx.Context(), caller))
	_, w := humago.Unwrap(ctx)
	answered, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		end := func(why error) { cancel(errors.Join(errCredential, why)) }
		h.watchCaller(caller, answered, end, http.NewResponseController(w))
	}()
	// The watch uses w, which nobody may use once the request is answered.
	defer func() { close(answered); <-watched; cancel(nil) }()
	next(huma.WithContext(ctx, inner))
}

// watchCaller calls end once the caller may not have the answer, and returns when it is
// answered.
func (h *handlers) watchCaller(caller access.Caller, answered <-chan struct{}, end func(why error), w *http.ResponseController) {
	tick := time.NewTicker(allowedEvery)
	defer tick.Stop()
	var deadline time.Time
	for {
		select {
		case <-tick.C:
		case <-answered:
			return
		}
		if deadline.IsZero() {
			why := caller.StillHolds(h.Now())
			if why == nil {
				continue
			}
			end(why)
			deadline = time.Now().Add(refusalTimeout)
		}
		// A write that waits for its reader knows no context. The deadline is set again
		// each time, because a stream that writes sets a later one.
		_ = w.SetWriteDeadline(deadline)
	}
}

// notAllowedAnyMore is the answer to a caller whose credential ended meanwhile; nil if it
// did not.
func notAllowedAnyMore(ctx context.Context) *Problem {
	why := context.Cause(ctx)
	if !errors.Is(why, errCredential) {
		return nil
	}
	if refusal, ok := errors.AsType[*Problem](why); ok {
		return refusal
	}
	if unavailable, ok := errors.AsType[*access.UnavailableError](why); ok {
		return problem(http.StatusServiceUnavailable, codeSignInAway, unavailable.Detail)
	}
	return unauthorized()
}
