package extractor

import (
	"context"
	"errors"

	"tapline.dev/domain/mapping"
	resourcesview "tapline.dev/domain/resources"
	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// resources are the connections and accounts that imports refer to.
type resources struct {
	view       *resourcesview.View
	references config.References
	egress     egress.Config
	prefix     string // of the deployment's topics
}

func newResources(cfg kafka.Config, deps kafka.Deps, references config.References, way egress.Config) (*resources, error) {
	view, err := resourcesview.Open(cfg, deps)
	return &resources{view: view, references: references, egress: way, prefix: cfg.Prefix}, err
}

// connection finds the connection of a run and the secrets that it refers to. A
// preview brings its own where it is not applied yet.
func (r *resources) connection(ctx context.Context, run schemas.ActiveRun) (schemas.SnowflakeConnectionSpec, error) {
	spec, err := r.definition(ctx, run)
	if err != nil {
		return spec, err
	}
	if err := r.compare(run, spec); err != nil {
		return spec, err
	}
	err = r.resolve(run.Spec.Source.ConnectionRef, &spec)
	return spec, err
}

// definition finds the connection of a run as it is defined now.
func (r *resources) definition(ctx context.Context, run schemas.ActiveRun) (schemas.SnowflakeConnectionSpec, error) {
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
	return spec, nil
}

// resolve puts the secrets into a connection that refers to them.
func (r *resources) resolve(name string, spec *schemas.SnowflakeConnectionSpec) error {
	if _, err := r.egress.Proxy(spec.Proxy); err != nil {
		return failure.Permanent(failure.CodeReferenceMissing, "connection %s: %s", name, err)
	}
	authorities, err := r.egress.CAs(spec.CAFile)
	if err != nil {
		return failure.Permanent(failure.CodeReferenceMissing, "connection %s: %s", name, err)
	}
	spec.CAFile = authorities
	for _, secret := range []struct {
		field string
		value *string
		read  func(ref string) (config.Secret, error)
	}{
		{"password", &spec.Password, r.references.Line},
		{"token", &spec.Token, r.references.Line},
		{"oauthToken", &spec.OAuthToken, r.references.Line},
		{"privateKey", &spec.PrivateKey, r.references.Text},
		{"privateKeyPassphrase", &spec.PrivateKeyPassphrase, r.references.Line},
		{"secondPrivateKey", &spec.SecondPrivateKey, r.references.Text},
	} {
		if *secret.value == "" {
			continue
		}
		resolved, err := secret.read(*secret.value)
		if err != nil {
			// The error shows neither whether the reference exists nor its value.
			return failure.Permanent(failure.CodeSecretUnresolved, "connection %s: %s: %s", name, secret.field, err)
		}
		*secret.value = resolved.Reveal()
	}
	return nil
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
