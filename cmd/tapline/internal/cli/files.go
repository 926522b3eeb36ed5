package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// readSources reads the files of -f; a directory stands for its *.yaml and
// *.yml.
func readSources(paths []string) ([]definition.Source, error) {
	if len(paths) == 0 {
		return nil, errors.New("name a file or a directory with -f")
	}
	var sources []definition.Source
	for _, path := range paths {
		files, err := expand(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return nil, readError(err)
			}
			sources = append(sources, definition.Source{Name: file, Data: data, ResolveFile: relativeTo(file)})
		}
	}
	return sources, nil
}

// maxStdin bounds what is read from standard input.
const maxStdin = 64 << 20

// sources reads the files of -f, of which - is standard input.
func (a *app) sources(paths []string) ([]definition.Source, error) {
	at := slices.Index(paths, "-")
	if at < 0 {
		return readSources(paths)
	}
	data, err := io.ReadAll(io.LimitReader(a.io.In, maxStdin))
	if err != nil {
		return nil, fmt.Errorf("reading definitions from standard input: %w", err)
	}
	// Files that the text names are found from the working directory.
	sources := []definition.Source{{Name: "standard input", Data: data, ResolveFile: relativeTo("-")}}
	others := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return p == "-" })
	if len(others) == 0 {
		return sources, nil
	}
	read, err := readSources(others)
	return append(sources, read...), err
}

func expand(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, readError(err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		found, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", path, err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no *.yaml or *.yml", path)
	}
	slices.Sort(files)
	return files, nil
}

func relativeTo(file string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		return os.ReadFile(name)
	}
}

func readError(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s cannot be read: %w", path.Path, path.Err)
	}
	return err
}

// refused joins problems, a line each and each once, as a reader of the files
// meets them, under the exit code of a refusal.
func refused(problems []definition.Problem) error {
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b definition.Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	seen := map[definition.Problem]bool{}
	problems = slices.DeleteFunc(problems, func(p definition.Problem) bool {
		known := seen[p]
		seen[p] = true
		return known
	})
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.Error()
	}
	return exit(ExitRefused, errors.New(strings.Join(lines, "\n")))
}

func located(set *definition.Set, importName string, found []mapping.Problem) []definition.Problem {
	problems := make([]definition.Problem, len(found))
	for i, p := range found {
		problems[i] = definition.Problem{Path: p.Path, Code: p.Code, Message: p.Message}
	}
	return set.Locate(schemas.KindImport, importName, problems)
}

// accountOptions takes accounts outside of the set to allow what CleverTap does
// by default; apply asks the real one.
func accountOptions(set *definition.Set, account string) mapping.Options {
	for _, r := range set.Resources {
		var spec schemas.CleverTapAccountSpec
		if r.Kind == schemas.KindCleverTapAccount && r.Metadata.Name == account && json.Unmarshal(r.Spec, &spec) == nil {
			return mapping.OptionsOf(spec)
		}
	}
	return mapping.Options{}
}

// document is a definition as it is sent.
type document struct {
	kind, name string
	raw        json.RawMessage
}

// documents are the set's definitions, resources first.
func documents(set *definition.Set) ([]document, error) {
	var out []document
	add := func(kind string, metadata schemas.Metadata, spec any) error {
		raw, err := json.Marshal(map[string]any{
			"apiVersion": schemas.APIVersion, "kind": kind, "metadata": metadata, "spec": spec,
		})
		if err != nil {
			return fmt.Errorf("encoding %s %s: %w", kind, metadata.Name, err)
		}
		out = append(out, document{kind, metadata.Name, raw})
		return nil
	}
	for _, r := range set.Resources {
		if err := add(r.Kind, r.Metadata, r.Spec); err != nil {
			return nil, err
		}
	}
	for _, d := range set.Imports {
		if err := add(schemas.KindImport, d.Metadata, d.Spec); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inFiles gives the problems of a refusal the file and line that the user wrote.
func inFiles(err error, set *definition.Set, sent []document) error {
	p, ok := errors.AsType[*client.Problem](err)
	if !ok || len(p.Errors) == 0 {
		return err
	}
	return refused(inSources(p, set, sent))
}

// inSources finds the problems of a refusal in the files; one that is in none
// keeps the API's place.
func inSources(p *client.Problem, set *definition.Set, sent []document) []definition.Problem {
	var problems []definition.Problem
	for _, e := range p.Errors {
		if found, ok := locate(e, set, sent); ok {
			problems = append(problems, found...)
			continue
		}
		problems = append(problems, definition.Problem{Path: e.Location, Code: e.Code, Message: e.Message})
	}
	return problems
}

// locate finds a problem of the API in the files.
func locate(e client.Detail, set *definition.Set, sent []document) ([]definition.Problem, bool) {
	at := regexp.MustCompile(`^documents\[(\d+)\]\.?(.*)$`).FindStringSubmatch(e.Location)
	if at == nil {
		return nil, false
	}
	n, err := strconv.Atoi(at[1])
	if err != nil || n >= len(sent) {
		return nil, false
	}
	return set.Locate(sent[n].kind, sent[n].name, []definition.Problem{{Path: at[2], Code: e.Code, Message: e.Message}}), true
}
