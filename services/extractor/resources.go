package extractor

import (
	"context"
	"errors"
	"fmt"

	"tapline.dev/domain/mapping"
	resourcesview "tapline.dev/domain/resources"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// resources are the connections and accounts that imports refer to.
type resources struct{ view *resourcesview.View }

func newResources(cfg kafka.Config, deps kafka.Deps) (*resources, error) {
	view, err := resourcesview.Open(cfg, deps)
	return &resources{view}, err
}

// connection finds the connection of a run and the secrets that it refers to. A
// preview brings its own where it is not applied yet.
func (r *resources) connection(ctx context.Context, a *schemas.ActiveRun) (schemas.SnowflakeConnectionSpec, error) {
	name := a.Spec.Source.ConnectionRef
	if err := r.view.ReadToEnd(ctx); err != nil {
		return schemas.SnowflakeConnectionSpec{}, err
	}
	spec, err := r.view.Connection(name)
	switch {
	case a.Connection != nil:
		spec = *a.Connection
	case errors.Is(err, resourcesview.ErrMissing):
		return spec, fail(codeReferenceMissing, "there is no SnowflakeConnection named %s; apply it", name)
	case err != nil:
		return spec, fail(codeReferenceMissing, "the definition of the SnowflakeConnection %s cannot be read; apply it again", name)
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
// loader's to report, and one that cannot be read stops the mapper.
func (r *resources) mappingOptions(account string) mapping.Options {
	spec, err := r.view.Account(account)
	if err != nil {
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
