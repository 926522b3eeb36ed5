package definition

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tapline.dev/libs/nearest"
	"tapline.dev/schemas"
)

// maxDepth bounds nesting; YAML aliases can be circular.
const maxDepth = 64

// maxNodes bounds a document, because YAML aliases of aliases can expand without
// end.
const maxNodes = 100_000

// walker checks a document's nodes against Go types and notes where they stand.
type walker struct {
	file     string
	kind     string // of the definition
	where    positions
	problems findings
	nodes    int
	// What has a problem is left out of the JSON, so that the rest can be checked.
	bad      map[*yaml.Node]bool
	badPaths badPaths
}

// problem notes a problem and leaves the node out.
func (w *walker) problem(n *yaml.Node, code, path, format string, args ...any) {
	w.bad[n] = true
	w.badPaths = append(w.badPaths, path)
	w.note(n, code, path, format, args...)
}

func (w *walker) note(n *yaml.Node, code, path, format string, args ...any) {
	w.problems = append(w.problems, Problem{
		File: w.file, Line: n.Line, Col: n.Column, Path: path, Code: code, Message: fmt.Sprintf(format, args...),
	})
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// fieldsOf lists a struct's JSON keys with their types.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type, t.NumField())
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	return fields
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// value checks a node against the type that the path has.
func (w *walker) value(n *yaml.Node, t reflect.Type, path string, depth int) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if w.nodes++; depth > maxDepth || w.nodes > maxNodes {
		if w.nodes <= maxNodes+1 || depth > maxDepth {
			w.problem(n, codeYAMLSyntax, path, "the document is nested too deeply or too large")
		}
		w.nodes = max(w.nodes, maxNodes+1)
		return
	}
	if w.special(n, t, path, depth) {
		return
	}
	if isNull(n) {
		w.problem(n, codeWrongType, path, "the key has no value; give it one or remove it")
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		w.value(n, t.Elem(), path, depth)
	case reflect.Struct:
		w.object(n, fieldsOf(t), path, depth)
	case reflect.Slice:
		w.list(n, t.Elem(), path, depth)
	case reflect.Map:
		w.entries(n, t.Elem(), path)
	default:
		w.scalar(n, t.Kind(), path)
	}
}

// special checks the types that have a form of their own.
func (w *walker) special(n *yaml.Node, t reflect.Type, path string, depth int) bool {
	switch t {
	case reflect.TypeFor[json.RawMessage]():
		w.constant(n, path)
		return true // any value; toJSON finds what JSON cannot hold
	case reflect.TypeFor[schemas.Property]():
		if n.Kind == yaml.ScalarNode {
			if tag := n.ShortTag(); tag != "!!str" && !isNull(n) {
				w.problem(n, codeWrongType, path, "a column's name is a text; write it in quotes: %q", n.Value)
				return true
			}
			w.text(n, path, `COLUMN, COLUMN -> property or {from: …, to: …}`, func(s string) error {
				return new(schemas.Property).UnmarshalJSON(quote(s))
			})
			return true
		}
		return false
	case reflect.TypeFor[schemas.Duration]():
		w.text(n, path, `a duration such as 15m or 2d`, func(s string) error { return new(schemas.Duration).UnmarshalJSON(quote(s)) })
	case reflect.TypeFor[schemas.Bytes]():
		w.text(n, path, `a size such as 4MiB`, func(s string) error { return new(schemas.Bytes).UnmarshalJSON(quote(s)) })
	case reflect.TypeFor[schemas.MonthDay]():
		w.text(n, path, `a day of the month, 1 to 31 or last`, func(s string) error {
			if s == "last" {
				return nil
			}
			return new(schemas.MonthDay).UnmarshalJSON([]byte(s))
		})
	case reflect.TypeFor[time.Time]():
		w.text(n, path, `a time such as 2026-12-01T09:00:00Z`, func(s string) error {
			_, err := time.Parse(time.RFC3339, s)
			return err
		})
	case reflect.TypeFor[schemas.Nulls]():
		if n.Kind == yaml.MappingNode {
			w.object(n, map[string]reflect.Type{"coalesce": reflect.TypeFor[string]()}, path, depth)
			return true
		}
		w.text(n, path, `fail, always or {coalesce: SQL}`, func(s string) error { return new(schemas.Nulls).UnmarshalJSON(quote(s)) })
	default:
		return false
	}
	return true
}

func quote(s string) []byte {
	out, err := json.Marshal(s)
	if err != nil {
		return nil // a string always marshals
	}
	return out
}

// text checks a scalar that is written in a form of its own.
func (w *walker) text(n *yaml.Node, path, want string, check func(string) error) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		w.problem(n, codeWrongType, path, "write %s", want)
		return
	}
	if n.Kind == yaml.ScalarNode && len(n.Value) > maxShort && !holdsSQL(path) {
		w.problem(n, codeTooLong, path, "there are %d characters here; write %s", len(n.Value), want)
		return
	}
	if check(n.Value) != nil {
		w.problem(n, codeValueInvalid, path, "%q is not %s", n.Value, want)
	}
}

// object checks the keys of a mapping and, by their types, the values.
func (w *walker) object(n *yaml.Node, fields map[string]reflect.Type, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		w.problem(n, codeWrongType, path, "write keys and values here")
		return
	}
	if !w.bounded(n, path) {
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		typ, known := fields[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			w.problem(key, codeWrongType, path, "a key is a text")
		case seen[key.Value] > 0:
			w.problem(key, codeDuplicateKey, at, "the key is given already in line %d", seen[key.Value])
		case !known:
			w.problem(key, codeUnknownKey, at, "%s", w.unknown(key.Value, fields))
		default:
			w.where[at] = position{w.file, key.Line, key.Column}
			w.value(value, typ, at, depth+1)
		}
		seen[key.Value] = key.Line
	}
}

// meant are words that people write for keys of a line of the mapping. Some are keys
// elsewhere, which is not where they belong then.
var meant = map[string]string{
	"column": "from", "source": "from", "field": "from", "expression": "expr", "formula": "expr", "property": "to", "target": "to",
}

// unknown says what is wrong with a key that does not stand here.
func (w *walker) unknown(key string, fields map[string]reflect.Type) string {
	if len(key) > maxText {
		return "this is no key; write one of those that are known here"
	}
	if _, here := fields[meant[key]]; here {
		return "unknown key; did you mean " + meant[key] + "?"
	}
	if where := elsewhere(w.kind, key); where != "" {
		return "the key stands in the wrong place: " + where
	}
	return "unknown key" + nearest.Question(key, maps.Keys(fields))
}

// constant checks the bounds of a value of any kind.
func (w *walker) constant(n *yaml.Node, path string) {
	size := 0
	var visit func(n *yaml.Node, depth int)
	visit = func(n *yaml.Node, depth int) {
		if size += 1 + len(n.Value); size > maxValue || depth > maxDepth {
			return
		}
		if n.Kind == yaml.ScalarNode {
			w.beyondNumbers(n, path)
		}
		for _, child := range n.Content {
			visit(child, depth+1)
		}
	}
	if visit(n, 0); size > maxValue {
		w.problem(n, codeTooLong, path, "the value takes more than %d bytes; write less", maxValue)
	}
}

func (w *walker) list(n *yaml.Node, elem reflect.Type, path string, depth int) {
	if n.Kind != yaml.SequenceNode {
		w.problem(n, codeWrongType, path, "write a list here")
		return
	}
	if !w.bounded(n, path) {
		return
	}
	for i, item := range n.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		w.where[at] = position{w.file, item.Line, item.Column}
		w.value(item, elem, at, depth+1)
	}
}

// entries checks a mapping from any text, such as labels, to values of one type.
func (w *walker) entries(n *yaml.Node, elem reflect.Type, path string) {
	if n.Kind != yaml.MappingNode {
		w.problem(n, codeWrongType, path, "write keys and values here")
		return
	}
	fields := map[string]reflect.Type{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		fields[n.Content[i].Value] = elem
	}
	w.object(n, fields, path, 0)
}

func (w *walker) scalar(n *yaml.Node, kind reflect.Kind, path string) {
	tag := n.ShortTag()
	switch {
	case n.Kind != yaml.ScalarNode:
		w.problem(n, codeWrongType, path, "write a single value here")
	case kind == reflect.String && tag != "!!str" && tag != "!!timestamp":
		w.problem(n, codeWrongType, path, "a text is expected; put it in quotes")
	case kind == reflect.String:
		if w.bounded(n, path) {
			w.printable(n, path)
		}
	case kind == reflect.Bool && tag != "!!bool":
		w.problem(n, codeWrongType, path, "write true or false")
	case kind == reflect.Int && (tag != "!!int" || !plainInt(n.Value)):
		w.problem(n, codeWrongType, path, "write a whole number")
	case kind == reflect.Float64 && (tag != "!!int" && tag != "!!float" || !plainNumber(n.Value)):
		w.problem(n, codeWrongType, path, "write a number")
	}
}

func plainInt(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err == nil
}

// plainNumber takes what is a number in JSON too.
func plainNumber(s string) bool { return json.Valid([]byte(s)) }
