package extractor

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// resources follows the resources topic: connections and accounts.
type resources struct {
	table *kafka.Table

	mu    sync.Mutex
	byKey map[string]schemas.Resource
}

func newResources(cfg kafka.Config, deps kafka.Deps, topics schemas.Topics) (*resources, error) {
	r := &resources{byKey: map[string]schemas.Resource{}}
	var err error
	r.table, err = kafka.OpenTable(cfg, deps, topics.Resources(), r.apply)
	return r, err
}

func (r *resources) apply(rec *kafka.Record) {
	var resource schemas.Resource
	if rec.Value != nil && json.Unmarshal(rec.Value, &resource) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec.Value == nil {
		delete(r.byKey, string(rec.Key))
		return
	}
	r.byKey[string(rec.Key)] = resource
}

func (r *resources) get(kind, name string, into any) bool {
	r.mu.Lock()
	resource, ok := r.byKey[schemas.ResourceKey(kind, name)]
	r.mu.Unlock()
	if !ok {
		return false
	}
	return json.Unmarshal(resource.Spec, into) == nil
}

// connection finds the connection of a run and the secrets that it refers to. A
// preview brings its own where it is not applied yet.
func (r *resources) connection(ctx context.Context, a *schemas.ActiveRun) (schemas.SnowflakeConnectionSpec, error) {
	name := a.Spec.Source.ConnectionRef
	var spec schemas.SnowflakeConnectionSpec
	if err := r.table.ReadToEnd(ctx); err != nil {
		return spec, err
	}
	if a.Connection != nil {
		spec = *a.Connection
	} else if !r.get(schemas.KindSnowflakeConnection, name, &spec) {
		return spec, fail(codeReferenceMissing, "there is no SnowflakeConnection named %s; apply it", name)
	}
	for _, secret := range []struct {
		field string
		value *string
	}{
		{"password", &spec.Password},
		{"token", &spec.Token},
		{"oauthToken", &spec.OAuthToken},
		{"privateKey", &spec.PrivateKey},
		{"privateKeyPassphrase", &spec.PrivateKeyPassphrase},
		{"secondPrivateKey", &spec.SecondPrivateKey},
	} {
		if *secret.value == "" {
			continue
		}
		resolved, err := config.Resolve(*secret.value)
		if err != nil {
			// libs/config names the reference and never what it points to.
			return spec, fail(codeSecretUnresolved, "connection %s: %s: %s", name, secret.field, err)
		}
		*secret.value = resolved.Reveal()
	}
	return spec, nil
}

// mappingOptions are what the import's account allows. A missing account is the
// loader's to report.
func (r *resources) mappingOptions(account string) mapping.Options {
	var spec schemas.CleverTapAccountSpec
	if !r.get(schemas.KindCleverTapAccount, account, &spec) {
		return mapping.Options{}
	}
	return mapping.OptionsOf(spec)
}

// failure ends an attempt: the reason is for users and holds no SQL, value or
// secret.
type failure struct {
	code      string
	reason    string
	permanent bool
}

func (f *failure) Error() string { return f.code + ": " + f.reason }

// fail is a failure that another attempt would meet as well.
func fail(code, format string, args ...any) error {
	return &failure{code: code, reason: fmt.Sprintf(format, args...), permanent: true}
}

// Codes of failures beside Snowflake's own.
const (
	codeReferenceMissing = "reference_missing"
	codeSecretUnresolved = "secret_unresolved"
	codeQueryRefused     = "query_refused"
	codeColumnAmbiguous  = "column_ambiguous"
	codeColumnMissing    = "column_missing"
	codeColumnType       = "column_unsupported"
	codeCursorInvalid    = "cursor_invalid"
	codeCursorNull       = "cursor_null"
	codeResultChanged    = "result_changed"
	codeResultShort      = "result_short"
	codeRowUnreadable    = "row_unreadable"
	codeRowTooLarge      = "row_too_large"
)
