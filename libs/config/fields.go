package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// field is one exported field of a configuration struct and its key.
type field struct {
	key   string
	value reflect.Value
}

// Setting describes one key that holds a single value or a list of them, for
// usage texts and flags.
type Setting struct {
	Key   string // such as kafka.brokers
	Env   string // such as TAPLINE_KAFKA_BROKERS
	Value string // the current value, secrets masked
}

type setting struct {
	Setting
	value reflect.Value
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	yamlUnmarshaler = reflect.TypeFor[yaml.Unmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
	secretType      = reflect.TypeFor[Secret]()
)

// Settings lists the keys of the structs that into points to, in the order of
// their fields.
func Settings(into ...any) ([]Setting, error) {
	targets, err := structs(into)
	if err != nil {
		return nil, err
	}
	found, err := leaves(targets)
	if err != nil {
		return nil, err
	}
	out := make([]Setting, len(found))
	for i, s := range found {
		out[i] = s.Setting
	}
	return out, nil
}

func structs(into []any) ([]reflect.Value, error) {
	out := make([]reflect.Value, 0, len(into))
	for _, p := range into {
		v := reflect.ValueOf(p)
		if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return nil, fmt.Errorf("a configuration must be a pointer to a struct, not %T", p)
		}
		out = append(out, v.Elem())
	}
	return out, nil
}

// fields lists the keys of a struct. Fields tagged yaml:"-" and function and
// interface fields are dependencies, not settings.
func fields(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Type.Kind() == reflect.Func || f.Type.Kind() == reflect.Interface {
			continue
		}
		key := KeyOf(f)
		if key == "-" {
			continue
		}
		out = append(out, field{key: key, value: v.Field(i)})
	}
	return out
}

// KeyOf is the key of a field in its section: what its yaml tag says, or its name
// in camel case. "-" marks a field that is no setting.
func KeyOf(f reflect.StructField) string {
	if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" {
		return key
	}
	return camel(f.Name)
}

// leaves walks the structs down to single values and lists of single values.
// Two keys with the same variable are a mistake of the program.
func leaves(targets []reflect.Value) ([]setting, error) {
	var out []setting
	for _, target := range targets {
		out = appendLeaves(out, "", target)
	}
	seen := make(map[string]string, len(out))
	for _, s := range out {
		if other, ok := seen[s.Env]; ok {
			return nil, fmt.Errorf("keys %s and %s share the variable %s", other, s.Key, s.Env)
		}
		seen[s.Env] = s.Key
	}
	return out, nil
}

func appendLeaves(out []setting, prefix string, v reflect.Value) []setting {
	for _, f := range fields(v) {
		key := join(prefix, f.key)
		switch {
		case isSection(f.value.Type()):
			out = appendLeaves(out, key, f.value)
		case isScalar(f.value.Type()), f.value.Kind() == reflect.Slice && isScalar(f.value.Type().Elem()):
			out = append(out, setting{
				Setting: Setting{Key: key, Env: envName(key), Value: display(f.value)},
				value:   f.value,
			})
		}
	}
	return out
}

// set parses text as YAML would, except that a text is never read as another
// type and a list is separated by commas.
func (s setting) set(text string) error {
	if s.value.Kind() != reflect.Slice || reflect.PointerTo(s.value.Type()).Implements(textUnmarshaler) {
		return setScalar(s.value, text)
	}
	list := reflect.MakeSlice(s.value.Type(), 0, 4)
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		item := reflect.New(s.value.Type().Elem()).Elem()
		if err := setScalar(item, part); err != nil {
			return err
		}
		list = reflect.Append(list, item)
	}
	s.value.Set(list)
	return nil
}

func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !isScalar(t)
}

// isScalar reports whether one YAML scalar fills a value of the type.
func isScalar(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(textUnmarshaler) || reflect.PointerTo(t).Implements(yamlUnmarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

// camel turns a Go name into a key: AdminAddr is adminAddr, TLS is tls,
// URLBase is urlBase, AccountID is accountId.
func camel(name string) string {
	words := goWords(name)
	var b strings.Builder
	for i, w := range words {
		w = strings.ToLower(w)
		if i > 0 {
			w = strings.ToUpper(w[:1]) + w[1:]
		}
		b.WriteString(w)
	}
	return b.String()
}

func envName(key string) string {
	var words []string
	for part := range strings.SplitSeq(key, ".") {
		words = append(words, goWords(part)...)
	}
	return EnvPrefix + strings.ToUpper(strings.Join(words, "_"))
}

// goWords splits a camel-case name; a run of capitals is one word, except for
// its last letter when a lower-case one follows.
func goWords(name string) []string {
	runes := []rune(name)
	var words []string
	start := 0
	for i := 1; i < len(runes); i++ {
		upper := unicode.IsUpper(runes[i])
		afterLower := !unicode.IsUpper(runes[i-1])
		beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if upper && (afterLower || beforeLower) {
			words = append(words, string(runes[start:i]))
			start = i
		}
	}
	return append(words, string(runes[start:]))
}
