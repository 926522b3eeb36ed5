package api

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// Key is a key to the API, without its secret.
type Key struct {
	Name       string            `json:"name"`
	Role       string            `json:"role" enum:"viewer,operator,analyst,editor,admin"`
	RoleName   string            `json:"roleName,omitempty" doc:"What this deployment calls the role, if it has renamed it"`
	Selector   *schemas.Selector `json:"selector,omitempty" doc:"The imports that the key is for; all if absent"`
	CreatedBy  string            `json:"createdBy"`
	CreatedAt  time.Time         `json:"createdAt"`
	ExpiresAt  time.Time         `json:"expiresAt,omitzero"`
	Expired    bool              `json:"expired"`
	LastUsedAt time.Time         `json:"lastUsedAt,omitzero" doc:"Within ten seconds; unknown once Redis was emptied"`
}

// CreatedKey is a key and, in this answer only, its secret.
type CreatedKey struct {
	Key
	Secret string `json:"key" doc:"Give it as Authorization: Bearer …; it is shown this once and kept nowhere"`
}

type createKeyInput struct {
	Body struct {
		Name      string            `json:"name" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"`
		Role      string            `json:"role" enum:"viewer,operator,analyst,editor,admin"`
		Selector  *schemas.Selector `json:"selector,omitempty" doc:"Bounds the key to imports by name or label"`
		ExpiresAt *time.Time        `json:"expiresAt,omitempty" doc:"When the key ends; never if absent"`
	}
}

type createKeyOutput struct{ Body CreatedKey }

type keysOutput struct {
	Body struct {
		Items         []Key  `json:"items"`
		NextPageToken string `json:"nextPageToken"`
	}
}

func (h *handlers) registerKeys(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-keys", Method: http.MethodGet, Path: "/v1/keys",
		Summary: "List the keys to this API: who may do what, last used, expiring",
		Errors:  []int{http.StatusServiceUnavailable},
	}, h.listKeys)
	huma.Register(api, huma.Operation{
		OperationID: "create-key", Method: http.MethodPost, Path: "/v1/keys",
		Summary:       "Make a key; the answer shows it this once",
		DefaultStatus: http.StatusCreated,
		Errors:        []int{http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.createKey)
	huma.Register(api, huma.Operation{
		OperationID: "revoke-key", Method: http.MethodDelete, Path: "/v1/keys/{name}",
		Summary:       "Revoke a key; within a second no replica accepts it",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.revokeKey)
}

func (h *handlers) listKeys(ctx context.Context, _ *struct{}) (*keysOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	out := &keysOutput{}
	out.Body.Items = []Key{}
	var names []string
	for _, r := range h.Catalog.Resources(schemas.KindAccessKey) {
		out.Body.Items = append(out.Body.Items, h.keyOf(r))
		names = append(names, r.Metadata.Name)
	}
	for i, at := range h.LastUsed(ctx, names) {
		out.Body.Items[i].LastUsedAt = at
	}
	return out, nil
}

func (h *handlers) keyOf(r schemas.Resource) Key {
	var spec schemas.AccessKeySpec
	if !decodeSpec(r.Spec, &spec) {
		return Key{Name: r.Metadata.Name, Expired: true} // nobody can use it
	}
	role, _ := access.ParseRole(spec.Role) // a key of another role opens nothing
	return Key{
		Name: r.Metadata.Name, Role: spec.Role, RoleName: h.RoleNames.Other(role), Selector: spec.Selector, CreatedBy: spec.CreatedBy, CreatedAt: r.AppliedAt,
		ExpiresAt: spec.ExpiresAt, Expired: !spec.ExpiresAt.IsZero() && !h.Now().Before(spec.ExpiresAt),
	}
}

func (h *handlers) createKey(ctx context.Context, in *createKeyInput) (*createKeyOutput, error) {
	if refusal := h.badKey(in); refusal != nil {
		return nil, refusal
	}
	role, err := h.RoleNames.Parse(in.Body.Role)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, err.Error(), Detail{Location: "body.role", Code: codeInvalidRequest, Message: err.Error()})
	}
	secret := schemas.NewAccessKey()
	hash, _ := schemas.HashAccessKey(secret)
	spec := schemas.AccessKeySpec{Hash: hash, Role: role.String(), Selector: in.Body.Selector, CreatedBy: access.CallerOf(ctx).Name}
	if in.Body.ExpiresAt != nil {
		spec.ExpiresAt = in.Body.ExpiresAt.UTC()
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, h.fail(ctx, codeInternal, "the key could not be made", err)
	}
	resource := schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: schemas.KindAccessKey, Metadata: schemas.Metadata{Name: in.Body.Name},
		Spec: raw, Generation: 1, AppliedAt: h.Now(),
	}
	err = h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		if _, ok := h.Catalog.Resource(schemas.KindAccessKey, in.Body.Name); ok {
			return nil, problem(http.StatusConflict, codeInUse, "there is a key named "+in.Body.Name+"; revoke it, or choose another name")
		}
		record, err := h.resourceRecord(schemas.KindAccessKey, in.Body.Name, resource)
		if err != nil {
			return nil, err
		}
		audit, err := h.auditRecord(ctx, schemas.AuditEntry{
			Actor: access.CallerOf(ctx).Name, Action: schemas.AuditApply, Kind: schemas.KindAccessKey, Name: in.Body.Name,
		}, h.keyOf(resource))
		return []*kafka.Record{record, audit}, err
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return &createKeyOutput{Body: CreatedKey{Key: h.keyOf(resource), Secret: secret}}, nil
}

// badKey refuses what a key cannot be; the names are checked because a pattern
// that cannot be read selects nothing, which its maker should know at once.
func (h *handlers) badKey(in *createKeyInput) *Problem {
	if at := in.Body.ExpiresAt; at != nil && !at.After(h.Now()) {
		return problem(http.StatusUnprocessableEntity, codeInvalidRequest, "expiresAt must lie in the future")
	}
	if s := in.Body.Selector; s != nil {
		if len(s.Names)+len(s.Labels) == 0 {
			return problem(http.StatusUnprocessableEntity, codeInvalidRequest, "a selector has names or labels; leave it out for a key that is not bounded")
		}
		for _, name := range s.Names {
			if _, err := path.Match(name, ""); err != nil {
				return problem(http.StatusUnprocessableEntity, codeInvalidRequest, "the selector's name "+name+" is not a valid pattern")
			}
		}
	}
	return nil
}

func (h *handlers) revokeKey(ctx context.Context, in *ResourcePath) (*struct{}, error) {
	err := h.write(ctx, func(ctx context.Context) ([]*kafka.Record, error) {
		before, ok := h.Catalog.Resource(schemas.KindAccessKey, in.Name)
		if !ok {
			return nil, noneNamed("key", in.Name, h.namesOf(schemas.KindAccessKey))
		}
		raw, err := json.Marshal(h.keyOf(before))
		if err != nil {
			return nil, err
		}
		return h.removalRecords(ctx, access.CallerOf(ctx).Name, schemas.KindAccessKey, in.Name, raw)
	})
	if err != nil {
		return nil, h.writeFailed(ctx, err)
	}
	return nil, nil
}
