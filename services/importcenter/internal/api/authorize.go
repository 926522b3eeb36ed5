package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/guard"
)

// actorHeader carries the caller's name to the handlers. What a client sends in it
// counts where nobody signs in; elsewhere it is overwritten by the proven name.
const actorHeader = "Tapline-Actor"

// maxActor bounds a name that is not proven.
const maxActor = 200

// unauthorized is the same answer for every credential that is not valid, so that
// it does not tell the reason: expired, revoked, unknown, malformed, or given
// twice.
func unauthorized() *Problem {
	return problem(http.StatusUnauthorized, codeUnauthorized,
		"no valid credential came with this request; give a key or a token as Authorization: Bearer … (TAPLINE_TOKEN, or tapline login)")
}

// protect returns routes behind the checks that every request has to pass: where it
// comes from, who sends it, and how often.
func (h *handlers) protect(routes http.Handler) http.Handler {
	signedIn := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := h.Authenticate(r)
		who := caller.Name
		if caller.Role == access.Anyone {
			who = "addr:" + access.OriginOf(r.Context()).Addr
		}
		if !h.Limiter.Take(w.Header(), who, time.Now()) {
			writeProblem(w, tooMany())
			return
		}
		if err != nil {
			h.refuseCredential(w, r, err)
			return
		}
		r.Header.Set(actorHeader, caller.Name[:min(len(caller.Name), maxActor)])
		routes.ServeHTTP(w, r.WithContext(access.WithCaller(r.Context(), caller)))
	})
	return guard.Handler(h.Guard, h.withRoot(h.withPages(signedIn)), func(w http.ResponseWriter, r *http.Request, refusal guard.Refusal) {
		h.Log.WarnContext(r.Context(), "a request was turned away", slog.String("code", refusal.Code),
			slog.String("from", access.OriginOf(r.Context()).Addr), slog.String("request_id", access.OriginOf(r.Context()).RequestID))
		writeProblem(w, problem(refusal.Status, refusal.Code, refusal.Detail))
	})
}

// withPages adds the pages for signing in to the routes. They need no credential,
// and their rate limit is by address.
func (h *handlers) withPages(routes http.Handler) http.Handler {
	if h.Pages == nil {
		return routes
	}
	pages := onlyRoutes(h.Pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/auth/") {
			routes.ServeHTTP(w, r)
			return
		}
		if !h.Limiter.Take(w.Header(), "addr:"+access.OriginOf(r.Context()).Addr, time.Now()) {
			writeProblem(w, tooMany())
			return
		}
		pages.ServeHTTP(w, r)
	})
}

func tooMany() *Problem {
	return problem(http.StatusTooManyRequests, codeTooMany,
		"too many requests in a minute; Retry-After says in how many seconds the next is answered")
}

func (h *handlers) refuseCredential(w http.ResponseWriter, r *http.Request, err error) {
	origin := access.OriginOf(r.Context())
	h.Log.WarnContext(r.Context(), "a credential was refused", slog.Any("error", err),
		slog.String("from", origin.Addr), slog.String("request_id", origin.RequestID))
	if unavailable, ok := errors.AsType[*access.UnavailableError](err); ok {
		writeProblem(w, problem(http.StatusServiceUnavailable, codeSignInAway, unavailable.Detail))
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="tapline"`)
	writeProblem(w, unauthorized())
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", p.ContentType(""))
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.WriteHeader(p.Status)
	// The reader is gone if this fails; nobody is left to tell.
	_ = json.NewEncoder(w).Encode(p)
}

// route is what an operation needs in this deployment.
func (h *handlers) route(operation string) (access.Route, bool) {
	route, ok := access.Routes[operation]
	route.Role = max(route.Role, h.Required[operation])
	return route, ok
}

// authorize passes a request on if its caller may call the route. Nobody may call
// an operation that is missing in the table.
func (h *handlers) authorize(ctx huma.Context, next func(huma.Context)) {
	route, ok := h.route(ctx.Operation().OperationID)
	caller := access.CallerOf(ctx.Context())
	refusal := h.refusalOf(ctx, route, caller)
	if !ok {
		refusal = problem(http.StatusForbidden, codeForbidden, "nobody may call this operation: it has no entry in the table of routes")
	}
	if refusal == nil {
		h.whileAllowed(ctx, route, caller, next)
		return
	}
	origin := access.OriginOf(ctx.Context())
	h.Log.WarnContext(ctx.Context(), "a caller was refused", slog.String("operation", ctx.Operation().OperationID), slog.String("role", caller.Role.String()),
		slog.String("from", origin.Addr), slog.String("request_id", origin.RequestID))
	if refusal.Status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="tapline"`)
	}
	ctx.SetHeader("Content-Type", refusal.ContentType(""))
	ctx.SetStatus(refusal.Status)
	// The reader is gone if this fails; nobody is left to tell.
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(refusal)
}

func (h *handlers) refusalOf(ctx huma.Context, route access.Route, caller access.Caller) *Problem {
	if !caller.May(route.Role) {
		if caller.By == "" {
			return unauthorized()
		}
		if caller.Role == access.Anyone {
			return problem(http.StatusForbidden, codeForbidden, "you have signed in, but none of your groups has a role here; ask an admin")
		}
		return h.needsRole(route.Role, caller)
	}
	if caller.Selector == nil {
		return nil
	}
	switch route.Scope {
	case access.ScopeWhole:
		return needsWhole()
	case access.ScopeNamed, access.ScopeListed:
		named := namedImports(ctx)
		if len(named) == 0 && route.Scope == access.ScopeNamed {
			return problem(http.StatusForbidden, codeForbidden, "name the import: your key is bounded to some imports")
		}
		for _, name := range named {
			if !h.reaches(ctx.Context(), name) {
				return outside(name)
			}
		}
	}
	return nil
}

func (h *handlers) needsRole(want access.Role, caller access.Caller) *Problem {
	return problem(http.StatusForbidden, codeForbidden,
		"this needs the role "+h.RoleNames.Of(want)+"; you have the role "+h.RoleNames.Of(caller.Role))
}

func needsWhole() *Problem {
	return problem(http.StatusForbidden, codeForbidden,
		"this concerns the whole deployment and needs a credential without an import selector; yours has one")
}

func outside(importName string) *Problem {
	return problem(http.StatusForbidden, codeForbidden, "the import "+importName+" is outside the import selector of your credential")
}

// namedImports returns all imports that a request names in its path and its query.
func namedImports(ctx huma.Context) (names []string) {
	for _, name := range []string{ctx.Param("import"), ctx.Query("import")} {
		if name != "" {
			names = append(names, name)
		}
	}
	for _, run := range []string{ctx.Param("run"), ctx.Query("run")} {
		if run != "" {
			names = append(names, schemas.ImportOf(run))
		}
	}
	return names
}

// reaches reports whether the caller's selector includes an applied import.
func (h *handlers) reaches(ctx context.Context, importName string) bool {
	metadata := schemas.Metadata{Name: importName}
	if d, ok := h.Catalog.Import(importName); ok {
		metadata = d.Metadata
	}
	return access.CallerOf(ctx).Reaches(metadata)
}

// hiddenImports stands for the names of imports that the caller may not see.
const hiddenImports = "other imports"

// nameOf is the import's name, for a caller who may see it.
func (h *handlers) nameOf(ctx context.Context, importName string) string {
	if h.reaches(ctx, importName) {
		return importName
	}
	return hiddenImports
}
