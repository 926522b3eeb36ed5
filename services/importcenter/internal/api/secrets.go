package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/store"
)

// auditSecret is the kind of audit entries about stored secrets. Such an entry says
// who stored which secret; it does not hold the value.
const auditSecret = "Secret"

type putSecretInput struct {
	Use  string `path:"use" enum:"snowflake,clevertap" doc:"Which system it signs in to, and so which service reads it"`
	Name string `path:"name" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" doc:"Names the secret"`
	Body struct {
		Value string `json:"value" doc:"A line of text or a private key in PEM, of at most 64 KiB; it is shown by nothing"`
	}
}

type putSecretOutput struct {
	Body struct {
		Reference string `json:"reference" doc:"What a definition says in place of the secret"`
	}
}

func (h *handlers) registerSecrets(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "put-secret", Method: http.MethodPut, Path: "/v1/secrets/{use}/{name}",
		Summary:      "Store a key, passcode or password, or replace it; nothing shows it again",
		MaxBodyBytes: 2 * store.MaxBytes,
		Errors:       []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, h.putSecret)
}

// putSecret writes the audit entry before it stores the secret: if the entry cannot
// be written, the secret is not stored. The value is never written to Kafka.
func (h *handlers) putSecret(ctx context.Context, in *putSecretInput) (*putSecretOutput, error) {
	if h.Store.Dir == "" {
		return nil, problem(http.StatusNotFound, codeNotFound, "this deployment stores no secrets; set secrets.store for Import Center, or put the file where the services read secrets")
	}
	record, err := h.auditRecord(ctx, schemas.AuditEntry{
		Actor: access.CallerOf(ctx).Name, Action: schemas.AuditApply, Kind: auditSecret, Name: in.Use + "/" + in.Name,
	}, nil)
	if err == nil {
		err = h.Audit(ctx, record)
	}
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	err = h.Store.Put(in.Use, in.Name, in.Body.Value)
	switch {
	case errors.Is(err, store.ErrValue):
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, err.Error())
	case err != nil:
		return nil, h.fail(ctx, codeInternal, "the secret could not be stored; the service's log says why", err)
	}
	out := &putSecretOutput{}
	out.Body.Reference = h.Store.Reference(in.Use, in.Name)
	return out, nil
}
