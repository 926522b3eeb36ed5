package config

import (
	"encoding"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Print writes the structs that cfg point to as one YAML document that Load
// reads back, except that secrets are masked.
func Print(w io.Writer, cfg ...any) error {
	targets, err := structs(cfg)
	if err != nil {
		return err
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, target := range targets {
		appendFields(root, target)
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("printing the configuration: %w", err)
	}
	return encoder.Close()
}

func appendFields(node *yaml.Node, v reflect.Value) {
	for _, f := range fields(v) {
		node.Content = append(node.Content, scalarNode("!!str", f.key), encodeValue(f.value))
	}
}

func encodeValue(v reflect.Value) *yaml.Node {
	switch {
	case isScalar(v.Type()):
		return encodeScalar(v)
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			return scalarNode("!!null", "null")
		}
		return encodeValue(v.Elem())
	case v.Kind() == reflect.Struct:
		node := &yaml.Node{Kind: yaml.MappingNode}
		appendFields(node, v)
		return node
	case v.Kind() == reflect.Slice:
		node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for i := range v.Len() {
			node.Content = append(node.Content, encodeValue(v.Index(i)))
		}
		return node
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		node := &yaml.Node{Kind: yaml.MappingNode}
		values := make(map[string]reflect.Value, v.Len())
		for key, value := range v.Seq2() {
			values[key.String()] = value
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			node.Content = append(node.Content, scalarNode("!!str", key), encodeValue(values[key]))
		}
		return node
	}
	return scalarNode("!!null", "null")
}

func encodeScalar(v reflect.Value) *yaml.Node {
	tag := "!!str"
	if v.Type() != durationType && !v.Type().Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		switch v.Kind() {
		case reflect.Bool:
			tag = "!!bool"
		case reflect.String:
		case reflect.Float32, reflect.Float64:
			tag = "!!float"
		default:
			tag = "!!int"
		}
	}
	return scalarNode(tag, text(v))
}

func scalarNode(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

// display is the value of a setting as an environment variable would hold it.
func display(v reflect.Value) string {
	if v.Kind() != reflect.Slice || isScalar(v.Type()) {
		return text(v)
	}
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = text(v.Index(i))
	}
	return strings.Join(parts, ",")
}

func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.String()
	case encoding.TextMarshaler:
		if b, err := x.MarshalText(); err == nil {
			return string(b)
		}
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	}
	return fmt.Sprint(v.Interface())
}
