package config

import (
	"errors"
	"fmt"
	"reflect"
)

// KeyError is a problem of one key.
type KeyError struct {
	Key string
	Err error
}

// Error is "key: problem".
func (e *KeyError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap returns the problem.
func (e *KeyError) Unwrap() error { return e.Err }

// Bad reports what is wrong with a key of the struct being validated, such as
// Bad("brokers", "must not be empty"). The problem must not repeat a secret.
func Bad(key, format string, args ...any) error {
	return &KeyError{Key: key, Err: fmt.Errorf(format, args...)}
}

// Validate calls Validate of the struct that cfg points to and of every struct
// inside it, and puts the path before the keys of the problems.
func Validate(cfg any) error {
	targets, err := structs([]any{cfg})
	if err != nil {
		return err
	}
	return errors.Join(validate("", targets[0])...)
}

func validate(path string, v reflect.Value) []error {
	var errs []error
	if validator, ok := v.Addr().Interface().(Validator); ok {
		errs = append(errs, prefixed(path, validator.Validate())...)
	}
	for _, f := range fields(v) {
		key := join(path, f.key)
		switch {
		case isSection(f.value.Type()):
			errs = append(errs, validate(key, f.value)...)
		case f.value.Kind() == reflect.Pointer && !f.value.IsNil() && isSection(f.value.Type().Elem()):
			errs = append(errs, validate(key, f.value.Elem())...)
		case f.value.Kind() == reflect.Slice && isSection(f.value.Type().Elem()):
			for i := range f.value.Len() {
				errs = append(errs, validate(fmt.Sprintf("%s[%d]", key, i), f.value.Index(i))...)
			}
		}
	}
	return errs
}

// prefixed splits a joined error and puts the path before each part's key.
func prefixed(path string, err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, part := range joined.Unwrap() {
			out = append(out, prefixed(path, part)...)
		}
		return out
	}
	if path == "" {
		return []error{err}
	}
	//nolint:errorlint // a KeyError inside another error keeps that error's text
	if keyed, ok := err.(*KeyError); ok {
		return []error{&KeyError{Key: join(path, keyed.Key), Err: keyed.Err}}
	}
	return []error{&KeyError{Key: path, Err: err}}
}
