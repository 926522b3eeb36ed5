package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestCodesAreInTheCatalogue: the OpenAPI document says that a problem's code is
// one of the catalogue's.
func TestCodesAreInTheCatalogue(t *testing.T) {
	t.Parallel()
	found := 0
	for _, pattern := range []string{"*.go", "../guard/*.go"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok || len(spec.Values) != 1 || !strings.HasPrefix(strings.ToLower(spec.Names[0].Name), "code") {
					return true
				}
				if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
					code, _ := strconv.Unquote(literal.Value)
					found++
					if _, ok := schemas.LookupError(code); !ok {
						t.Errorf("%s: %s = %q is missing in schemas/errors.json", file, spec.Names[0].Name, code)
					}
				}
				return true
			})
		}
	}
	if found < 20 {
		t.Errorf("found %d codes, so that this test looks at the wrong place", found)
	}
}
