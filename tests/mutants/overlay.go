package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// change replaces the bytes from begin to end of a file.
type change struct {
	begin, end int
	text       string
	name       string
}

// Overlay writes the files that the patches change, with all mistakes in them,
// below dir, and returns the file that go build -overlay wants. It fails if a
// patch does not apply: its old lines must occur exactly once in their file.
func Overlay(root, dir string, patches []Patch) (string, error) {
	changes := map[string][]change{}
	for _, p := range patches {
		for _, h := range p.hunks {
			source, err := os.ReadFile(filepath.Join(root, h.file))
			if err != nil {
				return "", fmt.Errorf("applying %s: %w", p.Name, err)
			}
			some, err := h.locate(source, p.Name)
			if err != nil {
				return "", fmt.Errorf("applying %s to %s: %w", p.Name, h.file, err)
			}
			changes[h.file] = append(changes[h.file], some...)
		}
	}
	replace := map[string]string{}
	for file, list := range changes {
		source, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return "", err
		}
		mutated, err := apply(source, list)
		if err != nil {
			return "", fmt.Errorf("changing %s: %w", file, err)
		}
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(copied, mutated, 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = copied
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// locate finds the hunk's old lines and returns what changes among them. Its
// context may overlap with that of other hunks.
func (h hunk) locate(source []byte, name string) ([]change, error) {
	old := strings.Join(h.old, "")
	text := "\n" + string(source)
	switch n := strings.Count(text, "\n"+old); n {
	case 1:
	case 0:
		return nil, fmt.Errorf("the lines that it replaces are not there, the code has changed: make the patch again (docs/mutants.md)\n%s", old)
	default:
		return nil, fmt.Errorf("the lines that it replaces are there %d times: give the patch more context (git diff -U5)\n%s", n, old)
	}
	at := strings.Index(text, "\n"+old)
	// Only what differs between old and new lines is changed.
	same := 0
	for same < min(len(h.old), len(h.new)) && h.old[same] == h.new[same] {
		at += len(h.old[same])
		same++
	}
	left, right := len(h.old), len(h.new)
	for left > same && right > same && h.old[left-1] == h.new[right-1] {
		left, right = left-1, right-1
	}
	added := strings.ReplaceAll(strings.Join(h.new[same:right], ""), placeholder, fmt.Sprintf("mistake.On(%q)", name))
	return []change{{begin: at, end: at + len(strings.Join(h.old[same:left], "")), text: added, name: name}}, nil
}

var packageClause = regexp.MustCompile(`(?m)^package \w+`)

func apply(source []byte, list []change) ([]byte, error) {
	slices.SortStableFunc(list, func(a, b change) int { return b.begin - a.begin })
	for i, c := range list {
		if i > 0 && c.end > list[i-1].begin {
			return nil, fmt.Errorf("%s and %s change the same lines", c.name, list[i-1].name)
		}
		source = slices.Concat(source[:c.begin], []byte(c.text), source[c.end:])
	}
	clause := packageClause.FindIndex(source)
	// On the same line, so that the compiler's line numbers stay those of the tree.
	imported := []byte("; import \"tapline.dev/tests/mutants/mistake\"")
	return slices.Concat(source[:clause[1]], imported, source[clause[1]:]), nil
}
