package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// SignIn tells a client how to sign in.
type SignIn struct {
	Keys bool        `json:"keys" doc:"Keys of tapline keys create are taken"`
	OIDC *OIDCSignIn `json:"oidc,omitempty"`
}

// OIDCSignIn is the OpenID provider.
type OIDCSignIn struct {
	Issuer   string   `json:"issuer"`
	ClientID string   `json:"clientId" doc:"For tapline login"`
	Scopes   []string `json:"scopes"`
	Browser  bool     `json:"browser" doc:"GET /auth/login begins a session"`
}

// Caller is the authenticated sender of a request.
type Caller struct {
	Name      string            `json:"name"`
	Role      string            `json:"role"`
	RoleName  string            `json:"roleName,omitempty" doc:"What this deployment calls the role, if it has renamed it"`
	RoleNames map[string]string `json:"roleNames,omitempty" doc:"What this deployment calls the roles that it has renamed"`
	By        string            `json:"by" enum:"none,key,oidc,session"`
	Selector  *schemas.Selector `json:"selector,omitempty"`
	ExpiresAt time.Time         `json:"expiresAt,omitzero"`
	TraceURL  string            `json:"traceUrl,omitempty" doc:"Where the trace of a run is seen, with {traceId} in place of its id; absent if the deployment names no place"`
}

type (
	signInOutput struct{ Body SignIn }
	callerOutput struct{ Body Caller }
)

func (h *handlers) registerCaller(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-sign-in", Method: http.MethodGet, Path: "/v1/sign-in",
		Summary: "Read how to sign in",
	}, func(context.Context, *struct{}) (*signInOutput, error) { return &signInOutput{Body: h.SignIn}, nil })
	huma.Register(api, huma.Operation{
		OperationID: "get-caller", Method: http.MethodGet, Path: "/v1/caller",
		Summary: "Read who the caller is and what they may do",
	}, func(ctx context.Context, _ *struct{}) (*callerOutput, error) {
		c := access.CallerOf(ctx)
		return &callerOutput{Body: Caller{
			Name: c.Name, Role: c.Role.String(), RoleName: h.RoleNames.Other(c.Role), RoleNames: h.RoleNames.Renamed(),
			By: c.By, Selector: c.Selector, ExpiresAt: c.Expires, TraceURL: h.TraceURL,
		}}, nil
	})
}
