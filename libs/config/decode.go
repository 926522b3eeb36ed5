package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tapline.dev/libs/nearest"
)

// document reads YAML into structs.
type document struct {
	// others are keys of other programs, which share the file.
	others map[string]bool
}

// decode reads one YAML document into the structs; each of them may take any of
// the top-level keys.
func (d document) decode(data []byte, targets []reflect.Value) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return fmt.Errorf("parsing YAML: %w", err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return errors.New("parsing YAML: want exactly one document")
	}
	var all []field
	for _, target := range targets {
		all = append(all, fields(target)...)
	}
	return d.decodeFields("", doc.Content[0], all)
}

func (d document) decodeFields(path string, node *yaml.Node, known []field) error {
	if isNull(node) {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		return at(node, path, "want keys and values")
	}
	byKey := make(map[string]reflect.Value, len(known))
	for _, f := range known {
		byKey[f.key] = f.value
	}
	return eachPair(path, node, func(key, value *yaml.Node) error {
		target, ok := byKey[key.Value]
		if !ok {
			return d.foreign(join(path, key.Value), key, value, slices.Collect(maps.Keys(byKey)))
		}
		return d.decodeValue(join(path, key.Value), value, target)
	})
}

// foreign ignores a key of another program, and refuses every other key: a misspelt key
// would otherwise have no effect, and nobody would notice.
func (d document) foreign(path string, key, value *yaml.Node, known []string) error {
	if d.others[path] {
		return nil
	}
	section := false
	for other := range d.others {
		section = section || strings.HasPrefix(other, path+".")
	}
	if !section || value.Kind != yaml.MappingNode {
		return at(key, path, "unknown key"+nearest.Question(key.Value, slices.Values(known)))
	}
	return eachPair(path, value, func(key, value *yaml.Node) error {
		return d.foreign(join(path, key.Value), key, value, nil)
	})
}

// eachPair calls fn for each pair of a mapping and joins the errors, so that an
// operator sees all of them at once. A repeated key is an error.
func eachPair(path string, node *yaml.Node, fn func(key, value *yaml.Node) error) error {
	seen := make(map[string]bool, len(node.Content)/2)
	var errs []error
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if seen[key.Value] {
			errs = append(errs, at(key, join(path, key.Value), "key given twice"))
			continue
		}
		seen[key.Value] = true
		errs = append(errs, fn(key, value))
	}
	return errors.Join(errs...)
}

func (d document) decodeValue(path string, node *yaml.Node, v reflect.Value) error {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case isScalar(v.Type()):
		return decodeScalar(path, node, v)
	case v.Kind() == reflect.Pointer:
		if isNull(node) {
			return nil
		}
		item := reflect.New(v.Type().Elem())
		if err := d.decodeValue(path, node, item.Elem()); err != nil {
			return err
		}
		v.Set(item)
		return nil
	case v.Kind() == reflect.Struct:
		return d.decodeFields(path, node, fields(v))
	case v.Kind() == reflect.Slice:
		return d.decodeList(path, node, v)
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		return d.decodeMap(path, node, v)
	}
	return at(node, path, "a setting cannot be a "+v.Type().String())
}

func decodeScalar(path string, node *yaml.Node, v reflect.Value) error {
	if isNull(node) {
		return nil // the default stays
	}
	if node.Kind != yaml.ScalarNode {
		return at(node, path, "want a single value")
	}
	if err := setScalar(v, node.Value); err != nil {
		return at(node, path, err.Error())
	}
	return nil
}

func (d document) decodeList(path string, node *yaml.Node, v reflect.Value) error {
	if isNull(node) {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		return at(node, path, "want a list")
	}
	list := reflect.MakeSlice(v.Type(), len(node.Content), len(node.Content))
	var errs []error
	for i, item := range node.Content {
		errs = append(errs, d.decodeValue(fmt.Sprintf("%s[%d]", path, i), item, list.Index(i)))
	}
	v.Set(list)
	return errors.Join(errs...)
}

func (d document) decodeMap(path string, node *yaml.Node, v reflect.Value) error {
	if isNull(node) {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		return at(node, path, "want keys and values")
	}
	out := reflect.MakeMapWithSize(v.Type(), len(node.Content)/2)
	err := eachPair(path, node, func(key, value *yaml.Node) error {
		item := reflect.New(v.Type().Elem()).Elem()
		if err := d.decodeValue(join(path, key.Value), value, item); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
		return nil
	})
	v.Set(out)
	return err
}

// setScalar parses text for the type of v. The error never repeats the text,
// which may be a secret in the wrong place.
func setScalar(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	if u, ok := v.Addr().Interface().(yaml.Unmarshaler); ok {
		return u.UnmarshalYAML(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text})
	}
	if v.Type() == durationType {
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New(`want a duration such as "5s" or "1h30m"`)
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("want true or false")
		}
		v.SetBool(text == "true")
		return nil
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil {
			return errors.New("want a number")
		}
		v.SetFloat(f)
		return nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		if err != nil {
			return errors.New("want a whole number that is not negative")
		}
		v.SetUint(n)
		return nil
	}
	n, err := strconv.ParseInt(text, 10, v.Type().Bits())
	if err != nil {
		return errors.New("want a whole number")
	}
	v.SetInt(n)
	return nil
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.Tag == "!!null"
}

func at(node *yaml.Node, path, problem string) error {
	if path == "" {
		return fmt.Errorf("line %d: %s", node.Line, problem)
	}
	return fmt.Errorf("line %d: %s: %s", node.Line, path, problem)
}
