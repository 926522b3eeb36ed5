package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/store"
)

// auditSecret is the kind of audit entries about stored secrets. Such an entry says
// who stored which secret; it does not hold the value.
const auditSecret = "Secret"

// SecretPath names a secret.
type SecretPath struct {
	Use  string `path:"use" enum:"snowflake,clevertap" doc:"Which system it signs in to, and so which service reads it"`
	Name string `path:"name" pattern:"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" doc:"Names the secret"`
}

type putSecretInput struct {
	SecretPath
	Body struct {
		Value string `json:"value" doc:"A line of text or a private key in PEM, of at most 64 KiB; it is shown by nothing"`
	}
}

type putSecretOutput struct {
	Body struct {
		Reference string `json:"reference" doc:"What a definition says in place of the secret"`
	}
}

// Secret is a stored secret, without its value.
type Secret struct {
	Use       string    `json:"use" enum:"snowflake,clevertap"`
	Name      string    `json:"name"`
	Reference string    `json:"reference" doc:"What a definition says in place of the secret"`
	StoredAt  time.Time `json:"storedAt"`
	UsedBy    []string  `json:"usedBy" doc:"The connections and accounts that refer to it, as KIND/NAME"`
}

type secretsOutput struct {
	Body struct {
		Items         []Secret `json:"items"`
		NextPageToken string   `json:"nextPageToken"`
	}
}

func (h *handlers) registerSecrets(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-secrets", Method: http.MethodGet, Path: "/v1/secrets",
		Summary: "List what is stored and what refers to it; no value is shown",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.listSecrets)
	huma.Register(api, huma.Operation{
		OperationID: "delete-secret", Method: http.MethodDelete, Path: "/v1/secrets/{use}/{name}",
		Summary:       "Delete a secret that no connection and no account refers to",
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusNotFound, http.StatusConflict, http.StatusServiceUnavailable},
	}, h.deleteSecret)
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
		return nil, noStore()
	}
	if _, err := store.Value(in.Body.Value); err != nil {
		return nil, problem(http.StatusUnprocessableEntity, codeInvalidRequest, err.Error())
	}
	if err := h.auditSecret(ctx, schemas.AuditApply, in.SecretPath); err != nil {
		return nil, err
	}
	if err := h.Store.Put(in.Use, in.Name, in.Body.Value); err != nil {
		return nil, h.fail(ctx, codeInternal, "the secret could not be stored; the service's log says why", err)
	}
	out := &putSecretOutput{}
	out.Body.Reference = h.Store.Reference(in.Use, in.Name)
	return out, nil
}

func noStore() *Problem {
	return problem(http.StatusNotFound, codeNotFound, "this deployment stores no secrets; set secrets.store for Import Center, or put the file where the services read secrets")
}

// auditSecret writes who is about to store or delete which secret.
func (h *handlers) auditSecret(ctx context.Context, action string, secret SecretPath) error {
	record, err := h.auditRecord(ctx, schemas.AuditEntry{
		Actor: access.CallerOf(ctx).Name, Action: action, Kind: auditSecret, Name: secret.Use + "/" + secret.Name,
	}, nil)
	if err == nil {
		err = h.Audit(ctx, record)
	}
	if err != nil {
		return h.kafkaFailed(ctx, err)
	}
	return nil
}

func (h *handlers) listSecrets(ctx context.Context, _ *struct{}) (*secretsOutput, error) {
	stored, err := h.storedSecrets(ctx)
	if err != nil {
		return nil, err
	}
	out := &secretsOutput{}
	out.Body.Items = []Secret{}
	for _, s := range stored {
		reference := h.Store.Reference(s.Use, s.Name)
		out.Body.Items = append(out.Body.Items, Secret{
			Use: s.Use, Name: s.Name, Reference: reference, StoredAt: s.Stored, UsedBy: h.referTo(reference),
		})
	}
	return out, nil
}

// storedSecrets lists what is stored, with the log read to its end for what refers to it.
func (h *handlers) storedSecrets(ctx context.Context) ([]store.Secret, error) {
	if h.Store.Dir == "" {
		return nil, noStore()
	}
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	stored, err := h.Store.List()
	if err != nil {
		return nil, h.fail(ctx, codeInternal, "the secrets could not be listed; the service's log says why", err)
	}
	return stored, nil
}

// referTo names the connections and accounts that hold a reference.
func (h *handlers) referTo(reference string) []string {
	quoted, _ := json.Marshal(reference) // a text has a JSON form
	names := []string{}
	for _, kind := range []string{schemas.KindCleverTapAccount, schemas.KindSnowflakeConnection} {
		for _, r := range h.Catalog.Resources(kind) {
			if bytes.Contains(r.Spec, quoted) {
				names = append(names, schemas.ResourceKey(kind, r.Metadata.Name))
			}
		}
	}
	return names
}

func (h *handlers) deleteSecret(ctx context.Context, in *SecretPath) (*struct{}, error) {
	stored, err := h.storedSecrets(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(stored, func(s store.Secret) bool { return s.Use == in.Use && s.Name == in.Name }) {
		return nil, noneNamed("secret for "+in.Use, in.Name, func(yield func(string) bool) {
			for _, s := range stored {
				if s.Use == in.Use && !yield(s.Name) {
					return
				}
			}
		})
	}
	if by := h.referTo(h.Store.Reference(in.Use, in.Name)); len(by) > 0 {
		return nil, problem(http.StatusConflict, codeInUse, "the secret is used by "+strings.Join(by, ", ")+"; let them refer to another one first")
	}
	if err := h.auditSecret(ctx, schemas.AuditDelete, *in); err != nil {
		return nil, err
	}
	if err := h.Store.Delete(in.Use, in.Name); err != nil {
		return nil, h.fail(ctx, codeInternal, "the secret could not be deleted; the service's log says why", err)
	}
	return nil, nil
}
