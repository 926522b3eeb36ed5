package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
)

const (
	refPrefix  = "ref+"
	envScheme  = "ref+env://"
	fileScheme = "ref+file://"
)

// ErrNotReference is returned by Resolve for a plain text. Definitions are
// written to Kafka, so a secret may stand in them as a reference only.
var ErrNotReference = errors.New("not a secret reference: write ref+env://NAME or ref+file:///path")

// IsReference reports whether a text begins as a secret reference does. It may still
// be an invalid one: see CheckReference.
func IsReference(text string) bool { return strings.HasPrefix(text, refPrefix) }

// CheckReference reports whether Resolve understands the reference. It reads neither the
// variable nor the file.
func CheckReference(ref string) error {
	switch {
	case strings.HasPrefix(ref, envScheme):
		if strings.TrimPrefix(ref, envScheme) == "" {
			return errors.New("ref+env:// needs the name of a variable")
		}
		return nil
	case strings.HasPrefix(ref, fileScheme):
		if !strings.HasPrefix(strings.TrimPrefix(ref, fileScheme), "/") {
			return errors.New("ref+file:// needs an absolute path, such as ref+file:///run/secrets/key")
		}
		return nil
	case IsReference(ref):
		return errors.New("unknown kind of secret reference: write ref+env://NAME or ref+file:///path")
	}
	return ErrNotReference
}

// Resolve returns the secret that a reference points to: a variable of the
// process environment, or a file without one trailing newline. An empty secret
// is an error.
func Resolve(ref string) (Secret, error) {
	return resolve(ref, LookupEnv)
}

func resolve(ref string, lookup func(string) (string, bool)) (Secret, error) {
	if err := CheckReference(ref); err != nil {
		return "", err
	}
	if name, ok := strings.CutPrefix(ref, envScheme); ok {
		value, _ := lookup(name)
		if value == "" {
			return "", fmt.Errorf("variable %s is not set", name)
		}
		return Secret(value), nil
	}
	data, err := os.ReadFile(strings.TrimPrefix(ref, fileScheme))
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		return "", errors.New("the secret's file is empty")
	}
	return Secret(value), nil
}

// resolveSecrets replaces references in fields of type Secret by the secrets
// that they point to. A secret that is no reference stays as it is.
func resolveSecrets(targets []reflect.Value, lookup func(string) (string, bool)) error {
	settings, err := leaves(targets)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range settings {
		if s.value.Type() != secretType || !IsReference(s.value.String()) {
			continue
		}
		secret, err := resolve(s.value.String(), lookup)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Key, err))
			continue
		}
		s.value.SetString(string(secret))
	}
	return errors.Join(errs...)
}
