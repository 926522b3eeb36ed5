// Package config fills configuration structs from a YAML file, the environment
// and flags, and refuses what it does not know. Flags take precedence over the
// environment, and the environment over the file.
//
// A key is the camelCase form of the field's name (AccountID is accountId) or
// its yaml tag. The environment variable of kafka.brokers is
// TAPLINE_KAFKA_BROKERS, that of admin.drainTimeout is
// TAPLINE_ADMIN_DRAIN_TIMEOUT: words are joined by underscores and dots become
// underscores. Lists are separated by commas there. Variables that name no key
// are ignored, because services share an environment; Misspelt finds those that were
// meant to name one.
//
// The package is not for definitions of imports: those are user documents with
// rules of their own. It is the only place that reads the environment.
package config

import (
	"errors"
	"fmt"
	"os"
)

// EnvPrefix begins the name of every variable that overrides a key.
const EnvPrefix = "TAPLINE_"

// ErrInvalid marks every error that the operator cures by changing the
// configuration; programs exit with 2 for it.
var ErrInvalid = errors.New("invalid configuration")

// Validator is implemented by configuration structs with rules. Validate checks
// the struct's own fields and leaves nested structs to their own Validate,
// which Load calls too. It reports each problem with Bad, joined by errors.Join.
type Validator interface {
	Validate() error
}

// Source says where the values come from. The zero value reads nothing but the
// process environment.
type Source struct {
	// File is the path of a YAML file; empty for none.
	File string
	// LookupEnv finds an environment variable; nil means the process's own.
	LookupEnv func(name string) (string, bool)
	// Others are keys of other programs, which the file may hold too.
	Others []string
	// Flags holds values given on the command line by key, such as
	// "kafka.brokers". They take precedence over the others.
	Flags map[string]string
}

// Load fills the structs that into points to, which hold the defaults, and
// validates them. Several structs share one file: a key belongs to the one that
// has it. Secrets that are references are resolved.
func Load(src Source, into ...any) error {
	if err := load(src, into); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

func load(src Source, into []any) error {
	targets, err := structs(into)
	if err != nil {
		return err
	}
	settings, err := leaves(targets)
	if err != nil {
		return err
	}
	if src.File != "" {
		data, err := os.ReadFile(src.File)
		if err != nil {
			return fmt.Errorf("reading the configuration file: %w", err)
		}
		others := map[string]bool{}
		for _, key := range src.Others {
			others[key] = true
		}
		if err := (document{others}).decode(data, targets); err != nil {
			return fmt.Errorf("%s: %w", src.File, err)
		}
	}
	lookup := src.LookupEnv
	if lookup == nil {
		lookup = LookupEnv
	}
	if err := overrideFromEnv(settings, lookup); err != nil {
		return err
	}
	if err := overrideFromFlags(settings, src.Flags); err != nil {
		return err
	}
	if err := resolveSecrets(targets, lookup); err != nil {
		return err
	}
	var errs []error
	for _, target := range targets {
		errs = append(errs, validate("", target)...)
	}
	return errors.Join(errs...)
}

// Decode fills the struct that into points to from YAML. Unknown and repeated
// keys are errors that name the line. It neither reads the environment nor
// validates.
func Decode(data []byte, into any) error {
	targets, err := structs([]any{into})
	if err != nil {
		return err
	}
	return document{}.decode(data, targets)
}

// LookupEnv finds a variable of the process environment. It exists so that no
// other package needs package os for it.
func LookupEnv(name string) (string, bool) {
	return os.LookupEnv(name)
}

// Environ lists the process's environment as NAME=value.
func Environ() []string { return os.Environ() }

func overrideFromEnv(settings []setting, lookup func(string) (string, bool)) error {
	var errs []error
	for _, s := range settings {
		if text, ok := lookup(s.Env); ok {
			if err := s.set(text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.Env, err))
			}
		}
	}
	return errors.Join(errs...)
}

func overrideFromFlags(settings []setting, flags map[string]string) error {
	known := make(map[string]setting, len(settings))
	for _, s := range settings {
		known[s.Key] = s
	}
	var errs []error
	for key, text := range flags {
		s, ok := known[key]
		if !ok {
			errs = append(errs, fmt.Errorf("--%s: no such key", key))
			continue
		}
		if err := s.set(text); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}
