package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// yamlIndent is how far a level of YAML is indented.
const yamlIndent = 2

// YAML writes a definition, as the API shows it, as the document that apply takes: its
// kind, metadata and spec, without what applying has added. Reading the text again gives
// the same definition.
func YAML(document json.RawMessage) ([]byte, error) {
	var parts struct {
		APIVersion json.RawMessage `json:"apiVersion"`
		Kind       json.RawMessage `json:"kind"`
		Metadata   json.RawMessage `json:"metadata"`
		Spec       json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(document, &parts); err != nil {
		return nil, fmt.Errorf("reading a definition: %w", err)
	}
	raw, err := json.Marshal(parts)
	if err != nil {
		return nil, fmt.Errorf("encoding a definition: %w", err)
	}
	return JSONToYAML(raw)
}

// JSONToYAML writes a JSON value as YAML with its keys in their order.
func JSONToYAML(raw json.RawMessage) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	node, err := yamlNode(dec)
	if err != nil {
		return nil, fmt.Errorf("writing JSON as YAML: %w", err)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(yamlIndent)
	err = errors.Join(encoder.Encode(node), encoder.Close())
	if err != nil {
		return nil, fmt.Errorf("writing JSON as YAML: %w", err)
	}
	return out.Bytes(), nil
}

// yamlNode reads the decoder's next value.
func yamlNode(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		return yamlItems(dec, v)
	case string:
		return yamlText(v), nil
	case json.Number:
		// Without a tag of its own a number is written as it is, digit for digit.
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(v)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}, nil
}

// yamlItems reads the rest of an object or a list.
func yamlItems(dec *json.Decoder, opened json.Delim) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.SequenceNode}
	if opened == '{' {
		node.Kind = yaml.MappingNode
	}
	for dec.More() {
		item, err := yamlNode(dec) // of an object, keys and values in turn
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, item)
	}
	if _, err := dec.Token(); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return node, nil
}

// otherwise finds texts that other readers of YAML take for truth values or for numbers
// to the base of 60.
var otherwise = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$|^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

// yamlText is a text in the form that people write: plain, or a block if it has several
// lines. It is quoted where the YAML library, or another, would not read the same text
// again, and where it holds characters that nobody sees.
func yamlText(text string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	hidden := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) })
	if hidden >= 0 || otherwise.MatchString(text) {
		node.Style = yaml.DoubleQuotedStyle
		return node
	}
	written, err := yaml.Marshal([]*yaml.Node{node})
	var again []yaml.Node
	if err != nil || yaml.Unmarshal(written, &again) != nil || len(again) != 1 || again[0].Value != text || again[0].ShortTag() != "!!str" {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node
}
