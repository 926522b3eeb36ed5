package mutants

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// placeholder is what a patch writes where the mistake is chosen.
const placeholder = "MISTAKE"

// Finder is a test that has to fail when the mistake is made.
type Finder struct {
	Package string // folder below the root, such as tests/model
	Test    string // name of the test function
	Args    []string
}

// Patch is one mistake.
type Patch struct {
	Name    string // <service>.<mistake>, the file's name without .patch
	Why     string // what the mistake is
	Finders []Finder
	hunks   []hunk
}

// hunk replaces one run of lines of a file.
type hunk struct {
	file     string
	old, new []string // whole lines with their ends
}

// Load reads every patch of the tree at root.
func Load(root string) ([]Patch, error) {
	paths, err := filepath.Glob(filepath.Join(root, "tests/mutants/*.patch"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, errors.New("there are no patches in tests/mutants")
	}
	var patches []Patch
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		p, err := parse(strings.TrimSuffix(filepath.Base(path), ".patch"), text)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", filepath.Base(path), err)
		}
		patches = append(patches, p)
	}
	return patches, nil
}

// parse reads a patch: its description, its finders, and a unified diff. The
// diff's line numbers are not used.
func parse(name string, text []byte) (Patch, error) {
	p := Patch{Name: name}
	var file string
	var current *hunk
	var left, right int // lines of the hunk that are still to come
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case left > 0 || right > 0:
			kind, rest := byte(' '), ""
			if line != "" { // editors cut the blank of an empty context line
				kind, rest = line[0], line[1:]
			}
			if kind == ' ' || kind == '-' {
				current.old = append(current.old, rest+"\n")
				left--
			}
			if kind == ' ' || kind == '+' {
				current.new = append(current.new, rest+"\n")
				right--
			}
		case strings.HasPrefix(line, "+++ "):
			file = strings.TrimPrefix(strings.TrimPrefix(line, "+++ "), "b/")
		case strings.HasPrefix(line, "@@ "):
			var err error
			if left, right, err = sizes(line); err != nil {
				return p, err
			}
			p.hunks = append(p.hunks, hunk{file: file})
			current = &p.hunks[len(p.hunks)-1]
		case file != "" || strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "diff ") || strings.HasPrefix(line, "index "):
		case strings.HasPrefix(line, "Found by: "):
			words := strings.Fields(strings.TrimPrefix(line, "Found by: "))
			if len(words) < 2 {
				return p, fmt.Errorf("%q: write Found by: <folder of the package> <test function> [flags]", line)
			}
			p.Finders = append(p.Finders, Finder{Package: words[0], Test: words[1], Args: words[2:]})
		default:
			p.Why = strings.TrimSpace(p.Why + " " + line)
		}
	}
	return p, errors.Join(lines.Err(), p.check())
}

// sizes reads the numbers of old and new lines from "@@ -1,2 +1,3 @@".
func sizes(line string) (left, right int, err error) {
	words := strings.Fields(line)
	if len(words) < 3 {
		return 0, 0, fmt.Errorf("%q is no header of a hunk", line)
	}
	for i, into := range []*int{&left, &right} {
		*into = 1
		if _, count, ok := strings.Cut(words[i+1], ","); ok {
			if _, err := fmt.Sscan(count, into); err != nil {
				return 0, 0, fmt.Errorf("%q is no header of a hunk: %w", line, err)
			}
		}
	}
	return left, right, nil
}

func (p Patch) check() error {
	switch {
	case p.Why == "":
		return errors.New("its first lines do not say what the mistake is")
	case len(p.Finders) == 0:
		return errors.New("no line says Found by: <folder of the package> <test function>")
	case len(p.hunks) == 0:
		return errors.New("it changes nothing")
	}
	for _, h := range p.hunks {
		if h.file == "" {
			return errors.New("a hunk has no line +++ b/<file> before it")
		}
		for _, line := range h.new {
			if strings.Contains(line, placeholder) {
				return nil
			}
		}
	}
	return fmt.Errorf("no new line asks %s: without it the mistake would be made in every run", placeholder)
}
