package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tapline.dev/schemas"
)

// Source is a text with definitions. ResolveFile reads a queryFile, named as in
// the definition; nil means that there are none to read.
type Source struct {
	Name        string
	Data        []byte
	ResolveFile func(name string) ([]byte, error)
}

// Options are what the caller knows beside the sources.
type Options struct {
	// Defaults are ImportDefaults that were applied before. Those of the sources
	// replace the ones of the same name.
	Defaults []schemas.Resource
	// Values resolve ${vars.name}; nil leaves it as it is.
	Values *Values
}

// Set is what the sources define, defaults merged into the imports. Of a
// definition with problems it holds what could be read.
type Set struct {
	Imports   []schemas.Definition
	Resources []schemas.Resource

	where map[string]positions // by kind/name
	bad   map[string]badPaths
	// missing is what drafts lack, by the import's name.
	missing map[string][]Problem
}

// ParseFiles reads definitions from files; a queryFile is relative to the file
// that names it.
func ParseFiles(paths ...string) (Set, []Problem) {
	var sources []Source
	var problems []Problem
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			problems = append(problems, Problem{File: path, Code: codeYAMLSyntax, Message: "the file cannot be read: " + cause(err)})
			continue
		}
		sources = append(sources, Source{Name: path, Data: data, ResolveFile: func(name string) ([]byte, error) {
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(path), name)
			}
			return os.ReadFile(name)
		}})
	}
	set, more := ParseAll(sources, Options{})
	return set, append(problems, more...)
}

// cause returns the operating system's own message of an error on a file.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// Parse reads the definitions of one text.
func Parse(name string, data []byte, resolveFile func(string) ([]byte, error)) (Set, []Problem) {
	return ParseAll([]Source{{Name: name, Data: data, ResolveFile: resolveFile}}, Options{})
}

// ParseAll reads the definitions of several texts as one set.
func ParseAll(sources []Source, opts Options) (Set, []Problem) {
	r := reader{values: opts.Values, defaults: map[string]json.RawMessage{}, set: Set{where: map[string]positions{}, bad: map[string]badPaths{}, missing: map[string][]Problem{}}}
	for _, d := range opts.Defaults {
		if d.Kind == schemas.KindImportDefaults {
			r.defaults[d.Metadata.Name] = d.Spec
		}
	}
	var files []string
	for _, s := range sources {
		files = append(files, s.Name)
		r.readSource(s)
	}
	r.finish()
	return r.set, inOrder(r.problems, files)
}

// reader collects documents; imports wait until all defaults are known.
type reader struct {
	set      Set
	imports  []importDocument
	defaults map[string]json.RawMessage
	values   *Values
	problems []Problem
}

type importDocument struct {
	definition schemas.Definition
	spec       json.RawMessage
	where      positions
	bad        badPaths
	source     Source
}

func (r *reader) readSource(s Source) {
	decoder := yaml.NewDecoder(bytes.NewReader(s.Data))
	for found := false; ; {
		var doc yaml.Node
		err := decode(decoder, &doc)
		if errors.Is(err, io.EOF) {
			if !found {
				r.problems = append(r.problems, Problem{File: s.Name, Code: codeYAMLSyntax,
					Message: "there is no definition in it; write one with apiVersion, kind, metadata and spec, or remove it"})
			}
			return
		}
		if err != nil {
			r.problems = append(r.problems, syntaxProblem(s.Name, err))
			return
		}
		if root := doc.Content[0]; !isNull(root) {
			found = true
			r.readDocument(s, root)
		}
	}
}

// decode turns a panic of the YAML library into an error: definitions come from
// the network too.
func decode(d *yaml.Decoder, into *yaml.Node) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	return d.Decode(into)
}

// syntaxProblem takes the line number from the YAML library's message.
func syntaxProblem(file string, err error) Problem {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	p := Problem{File: file, Code: codeYAMLSyntax, Message: "not YAML: " + message}
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if number, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				p.Line, p.Col, p.Message = n, 1, "not YAML: "+text
			}
		}
	}
	return p
}

// readDocument walks one definition by the type of its kind, and checks what of
// it can be read.
func (r *reader) readDocument(s Source, root *yaml.Node) {
	w := walker{file: s.Name, where: positions{"": {s.Name, root.Line, root.Column}}, bad: map[*yaml.Node]bool{}}
	if r.values != nil {
		r.values.resolve(&w, root, "", 0)
	}
	head := w.head(root)
	if head.kind == "" {
		r.problems = append(r.problems, w.problems...)
		return
	}
	w.document(root, head.kind)
	var doc schemas.Resource
	err := json.Unmarshal(w.toJSON(root), &doc)
	if err != nil && len(w.problems) == 0 {
		w.note(root, codeWrongType, "", "%v", err)
	}
	r.problems = append(r.problems, w.problems...)
	if !r.claim(head, &w) || err != nil || len(doc.Spec) == 0 {
		return
	}
	if doc.Kind == schemas.KindImport {
		r.imports = append(r.imports, importDocument{
			definition: schemas.Definition{APIVersion: doc.APIVersion, Kind: doc.Kind, Metadata: doc.Metadata},
			spec:       doc.Spec, where: w.where, bad: w.badPaths, source: s,
		})
		return
	}
	if doc.Kind == schemas.KindImportDefaults {
		r.defaults[doc.Metadata.Name] = doc.Spec
	}
	r.problems = append(r.problems, w.where.locate(w.badPaths.filter(ValidateResource(doc)))...)
	r.set.Resources = append(r.set.Resources, doc)
}

// claim notes a kind and name, and reports whether they were free. A document
// with other problems claims its name too, so that references to it hold.
func (r *reader) claim(h head, w *walker) bool {
	if h.name == "" {
		return true
	}
	key := schemas.ResourceKey(h.kind, h.name)
	if first, taken := r.set.where[key]; taken {
		at := first.at("")
		var f findings
		f.add(codeDuplicate, "metadata.name", "%s %s is defined already at %s:%d", h.kind, h.name, at.file, at.line)
		r.problems = append(r.problems, w.where.locate(f)...)
		return false
	}
	r.set.where[key], r.set.bad[key] = w.where, w.badPaths
	return true
}

// finish merges the defaults and checks the imports.
func (r *reader) finish() {
	for _, doc := range r.imports {
		def := doc.definition
		if err := json.Unmarshal(r.withDefaults(doc.spec), &def.Spec); err != nil {
			f := findings{{Code: codeWrongType, Path: "spec", Message: err.Error()}}
			r.problems = append(r.problems, doc.where.locate(doc.bad.filter(f))...)
			continue
		}
		var f findings
		resolveQuery(&f, &def.Spec.Source, doc.source.ResolveFile, r.values)
		f = append(f, Validate(def)...)
		located := doc.where.locate(doc.bad.filter(f))
		r.problems = append(r.problems, r.set.settle(&def, located)...)
		if def.Spec.Mapping == nil {
			def.Spec.Mapping = []schemas.Property{} // a draft that maps nothing yet; null would be no list
		}
		r.set.Imports = append(r.set.Imports, def)
	}
}

// withDefaults lays a spec over all defaults, in the order of their names.
func (r *reader) withDefaults(spec json.RawMessage) json.RawMessage {
	names := make([]string, 0, len(r.defaults))
	for name := range r.defaults {
		names = append(names, name)
	}
	slices.Sort(names)
	var base json.RawMessage
	for _, name := range names {
		base = Merge(base, r.defaults[name])
	}
	return Merge(base, spec)
}

// resolveQuery replaces queryFile by what the file holds.
func resolveQuery(f *findings, s *schemas.Source, resolve func(string) ([]byte, error), values *Values) {
	if s.QueryFile == "" || s.Query != "" || s.Table != "" {
		return // Validate refuses more than one
	}
	if resolve == nil {
		f.add(codeQueryFile, "spec.source.queryFile", "a query file is read where the definition's file is; write query here")
		return
	}
	data, err := resolve(s.QueryFile)
	if err != nil {
		f.add(codeQueryFile, "spec.source.queryFile", "%s cannot be read: %s", s.QueryFile, cause(err))
		return
	}
	text := string(data)
	if values != nil {
		if text, err = values.replace(text); err != nil {
			f.add(codeReference, "spec.source.queryFile", "%s: %s", s.QueryFile, err)
			return
		}
	}
	s.Query, s.QueryFile = text, ""
}
