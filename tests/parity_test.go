package tests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestParityNamesTests holds docs/parity.md to tests that exist.
func TestParityNamesTests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/parity.md")
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, root := range []string{"../cmd", "../domain", "../libs", "../schemas", "../services", "."} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, match := range function.FindAllSubmatch(text, -1) {
				defined[string(match[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(page, -1)
	if len(named) == 0 {
		t.Fatal("the page names no test")
	}
	for _, match := range named {
		if name := string(match[1]); !defined[name] {
			t.Errorf("docs/parity.md names %s, and there is no such test", name)
		}
	}
}

// TestParityNamesScreens holds every row of docs/parity.md to a screen of the web page, or to
// the word that there is none.
func TestParityNamesScreens(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/parity.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| CleverTap |") {
			continue
		}
		rows++
		if len(cells) != 5 || strings.TrimSpace(cells[1]) == "" {
			t.Errorf("this row has not the five cells of the table, or names no screen: %s", line)
		}
	}
	if rows < 40 {
		t.Errorf("the page has %d rows, want at least 40", rows)
	}
}
