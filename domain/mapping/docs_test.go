package mapping

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestDocs holds docs/mapping.md to the code: every code of this package is
// there, and every code that is there is in the catalogue.
func TestDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("fault.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`code[A-Z][A-Za-z0-9]* += "([a-z_]+)"`).FindAllSubmatch(source, -1)
	if len(codes) < 40 {
		t.Fatalf("found only %d codes in fault.go", len(codes))
	}
	for _, c := range codes {
		if !strings.Contains(string(page), "`"+string(c[1])+"`") {
			t.Errorf("docs/mapping.md does not name %s", c[1])
		}
		if _, known := schemas.LookupError(string(c[1])); !known {
			t.Errorf("%s is not in the catalogue", c[1])
		}
	}
	for _, c := range regexp.MustCompile("`([a-z]+(?:_[a-z]+)+)`").FindAllStringSubmatch(string(page), -1) {
		if _, known := schemas.LookupError(c[1]); !known {
			t.Errorf("docs/mapping.md names %s, which is not in the catalogue", c[1])
		}
	}
}
