package definition

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"tapline.dev/schemas"
)

// Kinds lists the kinds of definitions.
func Kinds() []string {
	return []string{schemas.KindImport, schemas.KindImportDefaults, schemas.KindSnowflakeConnection, schemas.KindCleverTapAccount, schemas.KindNotification}
}

// specOf is the Go type of a kind's spec.
func specOf(kind string) reflect.Type {
	switch kind {
	case schemas.KindSnowflakeConnection:
		return reflect.TypeFor[schemas.SnowflakeConnectionSpec]()
	case schemas.KindCleverTapAccount:
		return reflect.TypeFor[schemas.CleverTapAccountSpec]()
	case schemas.KindNotification:
		return reflect.TypeFor[schemas.NotificationSpec]()
	}
	return reflect.TypeFor[schemas.ImportSpec]()
}

// head identifies a document.
type head struct{ kind, name string }

// head reads kind and name, which decide how the rest is read.
func (w *walker) head(root *yaml.Node) head {
	if root.Kind != yaml.MappingNode {
		w.problem(root, codeWrongType, "", "a definition has the keys apiVersion, kind, metadata and spec")
		return head{}
	}
	version, kind := child(root, "apiVersion"), child(root, "kind")
	if version == nil || version.Value != schemas.APIVersion {
		w.problem(nodeOr(version, root), codeKindUnknown, "apiVersion", "apiVersion is %s", schemas.APIVersion)
	}
	if kind == nil || !slices.Contains(Kinds(), kind.Value) {
		w.problem(nodeOr(kind, root), codeKindUnknown, "kind", "kind is one of %s", strings.Join(Kinds(), ", "))
		return head{}
	}
	h := head{kind: kind.Value}
	if metadata := child(root, "metadata"); metadata != nil {
		if name := child(metadata, "name"); name != nil {
			h.name = name.Value
		}
	}
	return h
}

func nodeOr(n, other *yaml.Node) *yaml.Node {
	if n == nil {
		return other
	}
	return n
}

func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// document walks a definition of a known kind.
func (w *walker) document(root *yaml.Node, kind string) {
	w.kind = kind
	text := reflect.TypeFor[string]()
	w.object(root, map[string]reflect.Type{
		"apiVersion": text, "kind": text, "metadata": reflect.TypeFor[schemas.Metadata](), "spec": specOf(kind),
	}, "", 0)
	for _, key := range []string{"metadata", "spec"} {
		if child(root, key) == nil {
			w.note(root, codeRequired, key, "the definition has no %s", key)
		}
	}
}

// toJSON writes a document as JSON without what has a problem, and notes what
// JSON cannot hold.
func (w *walker) toJSON(root *yaml.Node) []byte {
	plain, ok := w.plain(root, "", 0)
	if !ok {
		return nil
	}
	out, err := json.Marshal(plain)
	if err != nil {
		w.problem(root, codeWrongType, "", "the document cannot be written as JSON: %v", err)
	}
	return out
}

// plain returns a node as a value that encoding/json writes; numbers keep their
// digits. It returns false for a node that must be left out: a node with a
// problem, or a list with such an item, because the other items would move to
// other indexes.
func (w *walker) plain(n *yaml.Node, path string, depth int) (any, bool) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if w.bad[n] {
		return nil, false
	}
	if w.nodes++; depth > maxDepth || w.nodes > 2*maxNodes {
		if len(w.problems) == 0 {
			w.problem(n, codeYAMLSyntax, path, "the document is nested too deeply or too large")
		}
		return nil, false
	}
	switch n.Kind {
	case yaml.MappingNode:
		return w.plainObject(n, path, depth), true
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			var ok bool
			if list[i], ok = w.plain(item, path, depth+1); !ok {
				w.badPaths = append(w.badPaths, path)
				return nil, false
			}
		}
		return list, true
	}
	value := w.plainScalar(n, path)
	return value, !w.bad[n]
}

func (w *walker) plainObject(n *yaml.Node, path string, depth int) map[string]any {
	object := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], join(path, n.Content[i].Value)
		if w.bad[key] {
			continue
		}
		if _, twice := object[key.Value]; twice {
			w.problem(key, codeDuplicateKey, at, "the key is given twice")
			continue
		}
		if value, ok := w.plain(n.Content[i+1], at, depth+1); ok {
			object[key.Value] = value
		}
	}
	return object
}

func (w *walker) plainScalar(n *yaml.Node, path string) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if !plainNumber(n.Value) {
			w.problem(n, codeWrongType, path, "write the number as JSON does, such as 10 or 0.5")
			return nil
		}
		return json.Number(n.Value)
	}
	return n.Value
}
