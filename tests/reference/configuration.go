package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"tapline.dev/libs/config"
	"tapline.dev/libs/daemon"
	"tapline.dev/services/extractor"
	"tapline.dev/services/importcenter"
	"tapline.dev/services/loader"
	"tapline.dev/services/mapper"
	"tapline.dev/services/scheduler"
)

const configurationHead = `# Configuration

<!-- Written by make docs. Change the comments and defaults in the code, not this page. -->

Every service reads a YAML file (` + "`--config FILE`" + `), then the environment, then its flags; the later wins. A key such as ` + "`kafka.brokers`" + ` is nested in the file, and is the flag ` + "`--kafka.brokers`" + `. One file may serve every service: keys of the others are passed over, and a key that none has is an error. ` + "`--check`" + ` validates, finds variables that nearly name a key, and exits; with ` + "`--connect`" + ` it signs in to Kafka and Redis too; ` + "`--print-config`" + ` shows what is in force with secrets masked.
`

type service struct {
	name string
	cfg  any
}

func services() []service {
	return []service{
		{"scheduler", ptr(scheduler.DefaultConfig())},
		{"extractor", ptr(extractor.DefaultConfig())},
		{"mapper", ptr(mapper.DefaultConfig())},
		{"loader", ptr(loader.DefaultConfig())},
		{"importcenter", ptr(importcenter.DefaultConfig())},
	}
}

// keysList is every key of every service, one on a line: each program knows the keys of
// the others by it, so that all can share a file and an environment.
func keysList() (string, error) {
	known := map[string]bool{}
	for _, s := range append(services(), service{"every service", ptr(daemon.DefaultConfig())}) {
		settings, err := config.Settings(s.cfg)
		if err != nil {
			return "", err
		}
		for _, setting := range settings {
			known[setting.Key] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(known)), "\n") + "\n", nil
}

// configurationPage lists the keys of each service.
func configurationPage(root string) (string, error) {
	comments := commentReader{root: root, packages: map[string]map[string]string{}}
	var page strings.Builder
	page.WriteString(configurationHead)
	for _, shared := range []struct {
		head   string
		prefix string
		cfg    any
	}{
		{"every service\n\nThe default of `admin.addr` differs: each service's `--help` names its own.", "", ptr(daemon.DefaultConfig())},
		{"kafka: every service", "kafka.", ptr(scheduler.DefaultConfig())},
		{"redis: scheduler, extractor, loader, importcenter", "redis.", ptr(scheduler.DefaultConfig())},
	} {
		table, err := keysTable(&comments, shared.cfg, func(key string) bool { return strings.HasPrefix(key, shared.prefix) })
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s", shared.head, table)
	}
	for _, s := range services() {
		table, err := keysTable(&comments, s.cfg, func(key string) bool {
			return !strings.HasPrefix(key, "kafka.") && !strings.HasPrefix(key, "redis.")
		})
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s", s.name, table)
	}
	return page.String(), nil
}

func ptr[T any](v T) *T { return &v }

func keysTable(comments *commentReader, cfg any, listed func(key string) bool) (string, error) {
	settings, err := config.Settings(cfg)
	if err != nil {
		return "", err
	}
	meanings := map[string]string{}
	if err := comments.collect(meanings, "", reflect.TypeOf(cfg).Elem()); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| key | variable | default | meaning |\n|---|---|---|---|\n")
	for _, s := range settings {
		if !listed(s.Key) {
			continue
		}
		meaning := meanings[s.Key]
		if meaning == "" {
			return "", fmt.Errorf("key %s has no comment at its field", s.Key)
		}
		value := s.Value
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Key, s.Env, value, cell(meaning))
	}
	return b.String(), nil
}

// words splits a comment into what looks like identifiers.
func words(comment string) []string {
	return strings.FieldsFunc(comment, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// cell makes a text fit into a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// commentReader finds the comments of struct fields in the source.
type commentReader struct {
	root     string
	packages map[string]map[string]string // import path to "Type.Field" to comment
}

// collect maps the keys of a configuration struct to the comments of its fields.
func (c *commentReader) collect(into map[string]string, prefix string, t reflect.Type) error {
	fields, err := c.comments(t.PkgPath())
	if err != nil {
		return err
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Tag.Get("yaml") == "-" {
			continue
		}
		key := config.KeyOf(f)
		if prefix != "" {
			key = prefix + "." + key
		}
		comment := fields[t.Name()+"."+f.Name]
		into[key] = comment
		if f.Type.Kind() == reflect.Struct && strings.HasPrefix(f.Type.PkgPath(), "tapline.dev/") {
			if err := c.collect(into, key, f.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *commentReader) comments(path string) (map[string]string, error) {
	if known, ok := c.packages[path]; ok {
		return known, nil
	}
	files, err := filepath.Glob(filepath.Join(c.root, strings.TrimPrefix(path, "tapline.dev/"), "*.go"))
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				structComments(found, spec.Name.Name, s)
			}
			return false
		})
	}
	c.packages[path] = found
	return found, nil
}

// structComments takes the comment above each field or behind it. A field without
// one has that of the field above, if it names it.
func structComments(into map[string]string, name string, s *ast.StructType) {
	var above string
	for _, f := range s.Fields.List {
		comment := f.Doc.Text()
		if comment == "" {
			comment = f.Comment.Text()
		}
		for _, field := range f.Names {
			if comment == "" && slices.Contains(words(above), field.Name) {
				comment = above
			}
			into[name+"."+field.Name] = comment
		}
		above = comment
	}
}
