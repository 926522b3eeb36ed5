package mutants

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const source = `// Package x has a doc.
package x

func f(a int) int {
	if a > 1 {
		return a
	}
	return 0
}

func g(a int) int {
	if a > 2 {
		return a
	}
	return 0
}
`

const head = "It is wrong.\nFound by: x TestF -flag=1\n\n--- a/x.go\n+++ b/x.go\n"

func TestOverlay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		patches []string
		want    map[string]string // old line: new line, with the import already there
		problem string
	}{
		{name: "a line is changed", patches: []string{head + "@@ -90,2 +90,2 @@ func other\n-\tif a > 1 {\n+\tif a > 1 || MISTAKE {\n \t\treturn a\n"},
			want: map[string]string{"a > 1": `a > 1 || mistake.On("x.0")`}},
		{name: "two patches with a common context", patches: []string{
			head + "@@ -5,2 +5,2 @@\n-\tif a > 1 {\n+\tif a > 1 || MISTAKE {\n \t\treturn a\n",
			head + "@@ -4,2 +4,2 @@\n-func f(a int) int {\n+func f(a int) int { _ = MISTAKE\n \tif a > 1 {\n"},
			want: map[string]string{"a > 1": `a > 1 || mistake.On("x.0")`, "func f(a int) int {": `func f(a int) int { _ = mistake.On("x.1")`}},
		{name: "the code has changed", patches: []string{head + "@@ -5,1 +5,1 @@\n-\tif a > 3 {\n+\tif MISTAKE {\n"}, problem: "make the patch again"},
		{name: "the context is not enough", patches: []string{head + "@@ -6,1 +6,1 @@\n-\t\treturn a\n+\t\treturn MISTAKE\n"}, problem: "there 2 times"},
		{name: "two change the same line", patches: []string{
			head + "@@ -5,1 +5,1 @@\n-\tif a > 1 {\n+\tif MISTAKE {\n", head + "@@ -5,1 +5,1 @@\n-\tif a > 1 {\n+\tif !MISTAKE {\n"},
			problem: "x.1 and x.0 change the same lines"},
		{name: "not conditional", patches: []string{head + "@@ -5,1 +5,1 @@\n-\tif a > 1 {\n+\tif a > 2 {\n"}, problem: "would be made in every run"},
		{name: "nobody finds it", patches: []string{strings.Replace(head, "Found by", "Seen by", 1) + "@@ -5,1 +5,1 @@\n-\tif a > 1 {\n+\tif MISTAKE {\n"}, problem: "Found by"},
		{name: "no explanation", patches: []string{strings.Replace(head, "It is wrong.", "", 1) + "@@ -5,1 +5,1 @@\n-\tif a > 1 {\n+\tif MISTAKE {\n"}, problem: "what the mistake is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root, dir := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(root, "x.go"), []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := mutate(root, dir, c.patches)
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Fatalf("the error is %v, want one with %q", err, c.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(source, "\npackage x\n", "\npackage x; import \"tapline.dev/tests/mutants/mistake\"\n", 1)
			for before, after := range c.want {
				want = strings.Replace(want, before, after, 1)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func mutate(root, dir string, texts []string) (string, error) {
	var patches []Patch
	for i, text := range texts {
		p, err := parse("x."+string(rune('0'+i)), []byte(text))
		if err != nil {
			return "", err
		}
		patches = append(patches, p)
	}
	if _, err := Overlay(root, dir, patches); err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(dir, "x.go"))
	return string(text), err
}
