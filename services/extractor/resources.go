package extractor

import (
	"context"
	"errors"

	"tapline.dev/domain/mapping"
	resourcesview "tapline.dev/domain/resources"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// resources are the connections and accounts that imports refer to.
type resources struct{ view *resourcesview.View }

func newResources(cfg kafka.Config, deps kafka.Deps) (*resources, error) {
	view, err := resourcesview.Open(cfg, deps)
	return &resources{view}, err
}

// connection finds the connection of a run and the secrets that it refers to. A
// preview brings its own where it is not applied yet.
func (r *resources) connection(ctx context.Context, run schemas.ActiveRun) (schemas.SnowflakeConnectionSpec, error) {
	name := run.Spec.Source.ConnectionRef
	if err := r.view.ReadToEnd(ctx); err != nil {
		return schemas.SnowflakeConnectionSpec{}, err
	}
	spec, err := r.view.Connection(name)
	switch {
	case run.Connection != nil:
		spec = *run.Connection
	case errors.Is(err, resourcesview.ErrMissing):
		return spec, failure.Permanent(failure.CodeReferenceMissing, "there is no SnowflakeConnection named %s; apply it", name)
	case err != nil:
		return spec, failure.Permanent(failure.CodeReferenceMissing, "the definition of the SnowflakeConnection %s cannot be read; apply it again", name)
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
			return spec, failure.Permanent(failure.CodeSecretUnresolved, "connection %s: %s: %s", name, secret.field, err)
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
