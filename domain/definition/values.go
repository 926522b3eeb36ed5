package definition

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Values are what ${vars.name} stands for in definitions. Whoever reads the files of a
// person resolves it, so that what is applied holds the values; nil leaves it alone.
type Values struct {
	file   string
	byName map[string]*yaml.Node
	used   map[string]bool
}

var (
	valueName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	reference = regexp.MustCompile(`\$\{vars\.([^}]*)\}`)
)

// secretKeys are the keys whose values are secret references: a value never becomes a
// part of one, or a values file would decide which secret is read.
var secretKeys = []string{"password", "token", "oauthToken", "privateKey", "privateKeyPassphrase", "secondPrivateKey", "accountId", "passcode"}

// ReadValues reads a values file: an object of names and plain values.
func ReadValues(file string, data []byte) (*Values, []Problem) {
	v := &Values{file: file, byName: map[string]*yaml.Node{}, used: map[string]bool{}}
	var doc yaml.Node
	err := decode(yaml.NewDecoder(strings.NewReader(string(data))), &doc)
	if errors.Is(err, io.EOF) {
		return v, nil // an empty file
	}
	if err != nil {
		return v, []Problem{syntaxProblem(file, err)}
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return v, []Problem{{File: file, Line: root.Line, Col: root.Column, Code: codeWrongType, Message: "a values file is an object of names and values, such as schema: PUBLIC"}}
	}
	var problems []Problem
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, value := root.Content[i], root.Content[i+1]
		at := func(code, message string) {
			problems = append(problems, Problem{File: file, Line: name.Line, Col: name.Column, Path: name.Value, Code: code, Message: message})
		}
		switch {
		case !valueName.MatchString(name.Value):
			at(codeName, "the name of a value has letters, digits, _ and - and begins with a letter")
		case v.byName[name.Value] != nil:
			at(codeDuplicateKey, "the name is given twice")
		case value.Kind != yaml.ScalarNode || isNull(value):
			at(codeWrongType, "a value is a text, a number, true or false")
		default:
			v.byName[name.Value] = value
		}
	}
	return v, problems
}

// NoValues are none: every ${vars.name} is unknown.
func NoValues() *Values { return &Values{byName: map[string]*yaml.Node{}, used: map[string]bool{}} }

// Used are the values that definitions have taken, by name.
func (v *Values) Used() map[string]string {
	used := map[string]string{}
	for name := range v.used {
		used[name] = v.byName[name].Value
	}
	return used
}

// Unused are problems of values that no definition takes: a misspelt name would
// otherwise change nothing and nobody would notice.
func (v *Values) Unused() (problems []Problem) {
	for name, value := range v.byName {
		if !v.used[name] {
			problems = append(problems, Problem{File: v.file, Line: value.Line, Col: value.Column, Path: name, Code: codeReference, Message: "no definition uses ${vars." + name + "}; remove it, or name it there"})
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return problems
}

// resolve replaces every reference in a document's values.
func (v *Values) resolve(w *walker, n *yaml.Node, path string, depth int) {
	if depth > maxDepth || n == nil {
		return // reported by the walk
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			v.resolve(w, n.Content[i+1], join(path, n.Content[i].Value), depth+1)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			v.resolve(w, item, indexed(path, i), depth+1)
		}
	case yaml.ScalarNode:
		v.resolveScalar(w, n, path)
	}
}

func (v *Values) resolveScalar(w *walker, n *yaml.Node, path string) {
	if !strings.Contains(n.Value, "${vars.") {
		return
	}
	key := path[strings.LastIndexByte(path, '.')+1:]
	if slices.Contains(secretKeys, key) || strings.HasPrefix(n.Value, "ref+") {
		w.problem(n, codeValueInvalid, path, "a secret reference takes no ${vars.…}; write it out")
		return
	}
	whole := reference.FindString(n.Value) == n.Value
	text, err := v.replace(n.Value)
	if err != nil {
		w.problem(n, codeReference, path, "%s", err)
		return
	}
	if value := v.byName[strings.TrimSuffix(strings.TrimPrefix(n.Value, "${vars."), "}")]; whole && n.Style == 0 && value != nil {
		n.Tag, n.Style = value.ShortTag(), value.Style // a number stays a number
	}
	n.Value = text
}

// replace replaces every reference in a text.
func (v *Values) replace(text string) (string, error) {
	var missing []string
	out := reference.ReplaceAllStringFunc(text, func(found string) string {
		name := reference.FindStringSubmatch(found)[1]
		value := v.byName[name]
		if value == nil {
			missing = append(missing, name)
			return found
		}
		v.used[name] = true
		return value.Value
	})
	if len(missing) == 0 {
		return out, nil
	}
	where := v.file
	if where == "" {
		where = "the values; give a file with --values"
	}
	return text, fmt.Errorf("there is no %s in %s", strings.Join(missing, ", "), where)
}
