package generate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapline.dev/tools/observability/internal/rules"
)

var sections = []string{"## What it means\n", "## Look at\n", "## Likely causes, the likeliest first\n", "## Do\n", "## When it can wait\n", "## It is over when\n"}

// Each alert has its page with all that a person needs at night, and each page its alert.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(root, "docs/runbooks")
	alerts := map[string]bool{"README": true}
	index, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range rules.All() {
		alerts[a.Name] = true
		text, err := os.ReadFile(filepath.Join(folder, a.Name+".md"))
		if err != nil {
			t.Errorf("%s has no runbook: %v", a.Name, err)
			continue
		}
		if !strings.HasPrefix(string(text), "# "+a.Name+"\n\nSeverity: "+a.Severity) {
			t.Errorf("the runbook of %s does not begin with its name and its severity, %s", a.Name, a.Severity)
		}
		for _, s := range sections {
			if _, rest, found := strings.Cut(string(text), s); !found || len(strings.TrimSpace(rest)) == 0 {
				t.Errorf("the runbook of %s says nothing under %q", a.Name, strings.TrimSpace(s))
			}
		}
		if !strings.Contains(string(index), "["+a.Name+"]("+a.Name+".md)") {
			t.Errorf("docs/runbooks/README.md does not list %s", a.Name)
		}
	}
	pages, err := filepath.Glob(filepath.Join(folder, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		if !alerts[strings.TrimSuffix(filepath.Base(p), ".md")] {
			t.Errorf("%s is about an alert that does not exist", filepath.Base(p))
		}
	}
}

var (
	// A command in a page, and in the text of an alert.
	quoted = regexp.MustCompile("`tapline ([a-z-]+(?: [a-z-]+)?)([^`]*)`")
	flags  = regexp.MustCompile(`(?:^| )(--?[a-z][a-z-]*)`)
	first  = regexp.MustCompile(`First: tapline ([a-z-]+(?: [a-z-]+)?)`)
)

// At night nobody wants to find out that a command has another name.
func TestCommandsExist(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile(filepath.Join(root, "docs/reference/cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	exists := func(command string) bool {
		verb, _, _ := strings.Cut(command, " ")
		return strings.Contains(string(reference), "\n## tapline "+command+"\n") || strings.Contains(string(reference), "\n## tapline "+verb+"\n")
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range append(pages, filepath.Join(root, "docs/on-call.md")) {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			found++
			if !exists(m[1]) {
				t.Errorf("%s names the command tapline %s, which does not exist", filepath.Base(p), m[1])
			}
			for _, flag := range flags.FindAllStringSubmatch(m[2], -1) {
				if !strings.Contains(section(string(reference), m[1]), "`"+flag[1]+"`") {
					t.Errorf("%s gives tapline %s the flag %s, which it does not have", filepath.Base(p), m[1], flag[1])
				}
			}
		}
	}
	for _, a := range rules.All() {
		for _, m := range first.FindAllStringSubmatch(a.Description, -1) {
			found++
			if !exists(m[1]) {
				t.Errorf("%s names the command tapline %s, which does not exist", a.Name, m[1])
			}
		}
	}
	if found < 80 {
		t.Errorf("%d commands are named, want at least 80: have the pages changed their form?", found)
	}
}

// section is what the reference says of a command: of its first word, if the second is an
// argument.
func section(reference, command string) string {
	verb, _, _ := strings.Cut(command, " ")
	for _, name := range []string{command, verb} {
		if _, rest, found := strings.Cut(reference, "\n## tapline "+name+"\n"); found {
			text, _, _ := strings.Cut(rest, "\n## ")
			return text
		}
	}
	return ""
}
