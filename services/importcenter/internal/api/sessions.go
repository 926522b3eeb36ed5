package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// auditSession is the kind of audit entries about sessions of browsers.
const auditSession = "session"

// Sessions are the sessions of browsers. Safe for concurrent use.
type Sessions interface {
	List(ctx context.Context) ([]access.Session, error)
	End(ctx context.Context, id string) error
}

// Session is a browser's session.
type Session struct {
	ID         string    `json:"id" pattern:"^[0-9a-f]{32}$" doc:"Names the session; nobody can take it over by it"`
	Name       string    `json:"name" doc:"Whose it is, as the audit names them"`
	Role       string    `json:"role" enum:"viewer,operator,analyst,editor,admin"`
	RoleName   string    `json:"roleName,omitempty" doc:"What this deployment calls the role, if it has renamed it"`
	From       string    `json:"from,omitempty" doc:"The address that signed in"`
	BeganAt    time.Time `json:"beganAt"`
	LastUsedAt time.Time `json:"lastUsedAt" doc:"Within a minute"`
	EndsAt     time.Time `json:"endsAt" doc:"When it ends in any case"`
	Current    bool      `json:"current,omitempty" doc:"Whether this request came with it"`
}

type sessionsOutput struct {
	Body struct {
		Items         []Session `json:"items"`
		NextPageToken string    `json:"nextPageToken"`
	}
}

type sessionPath struct {
	ID string `path:"session" pattern:"^[0-9a-f]{32}$" doc:"The session's id, as the list of sessions names it"`
}

func (h *handlers) registerSessions(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-sessions", Method: http.MethodGet, Path: "/v1/sessions",
		Summary: "List who is signed in with a browser",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.listSessions)
	huma.Register(api, huma.Operation{
		OperationID: "end-session", Method: http.MethodDelete, Path: "/v1/sessions/{session}",
		Summary:       "End a browser's session at once; whoever still has a role can sign in again",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.endSession)
	huma.Register(api, huma.Operation{
		OperationID: "list-own-sessions", Method: http.MethodGet, Path: "/v1/caller/sessions",
		Summary: "List where the caller is signed in with a browser",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.listOwnSessions)
	huma.Register(api, huma.Operation{
		OperationID: "end-own-session", Method: http.MethodDelete, Path: "/v1/caller/sessions/{session}",
		Summary:       "End a browser's session of the caller at once, as one that was left open elsewhere",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.endOwnSession)
}

// openSessions lists the sessions, or says why it cannot.
func (h *handlers) openSessions(ctx context.Context) ([]access.Session, error) {
	if h.Sessions == nil {
		return nil, problem(http.StatusNotFound, codeNotFound, "nobody signs in here with a browser; auth.oidc.redirectUrl turns it on")
	}
	open, err := h.Sessions.List(ctx)
	if err != nil {
		return nil, h.fail(ctx, codeRedis, "Redis does not answer, so sessions of browsers are not known; try again", err)
	}
	return open, nil
}

func (h *handlers) listSessions(ctx context.Context, _ *struct{}) (*sessionsOutput, error) {
	open, err := h.openSessions(ctx)
	return h.sessionsOf(ctx, open), err
}

// ownSessions are those of the person who asks, however they have signed in now.
func (h *handlers) ownSessions(ctx context.Context) ([]access.Session, error) {
	open, err := h.openSessions(ctx)
	caller := access.CallerOf(ctx)
	return slices.DeleteFunc(open, func(s access.Session) bool { return s.Name != caller.Name }), err
}

func (h *handlers) listOwnSessions(ctx context.Context, _ *struct{}) (*sessionsOutput, error) {
	open, err := h.ownSessions(ctx)
	return h.sessionsOf(ctx, open), err
}

func (h *handlers) sessionsOf(ctx context.Context, open []access.Session) *sessionsOutput {
	out := &sessionsOutput{}
	out.Body.Items = []Session{}
	for _, s := range open {
		out.Body.Items = append(out.Body.Items, Session{
			ID: s.ID, Name: s.Name, Role: s.Role.String(), RoleName: h.RoleNames.Other(s.Role), From: s.From, BeganAt: s.Began, LastUsedAt: s.Renewed, EndsAt: s.Ends,
			Current: s.ID == access.CallerOf(ctx).Session,
		})
	}
	return out
}

func (h *handlers) endSession(ctx context.Context, in *sessionPath) (*struct{}, error) {
	open, err := h.openSessions(ctx)
	if err != nil {
		return nil, err
	}
	return nil, h.endOneOf(ctx, open, in.ID)
}

func (h *handlers) endOwnSession(ctx context.Context, in *sessionPath) (*struct{}, error) {
	open, err := h.ownSessions(ctx)
	if err != nil {
		return nil, err
	}
	return nil, h.endOneOf(ctx, open, in.ID)
}

// endOneOf writes the audit entry before it ends the session: if the entry cannot be
// written, the session goes on.
func (h *handlers) endOneOf(ctx context.Context, open []access.Session, id string) error {
	at := slices.IndexFunc(open, func(s access.Session) bool { return s.ID == id })
	if at < 0 {
		return noneNamed("session", id, func(func(string) bool) {}) // ids are random: none is near another
	}
	record, err := h.auditRecord(ctx, schemas.AuditEntry{
		Actor: access.CallerOf(ctx).Name, Action: schemas.AuditDelete, Kind: auditSession, Name: open[at].Name,
	}, nil)
	if err == nil {
		err = h.Audit(ctx, record)
	}
	if err != nil {
		return h.kafkaFailed(ctx, err)
	}
	if err := h.Sessions.End(ctx, id); err != nil {
		return h.fail(ctx, codeRedis, "Redis does not answer, so the session may not have ended; try again", err)
	}
	return nil
}
