package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/telemetry"
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

// TestProblemsNameTheirTrace: a refusal names the trace of its request, and one Problem that
// answers two requests does not keep the first one's.
func TestProblemsNameTheirTrace(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	ctx := telemetry.ContextWith(t.Context(), "00-"+trace+"-00f067aa0ba902b7-01")
	refusal := problem(http.StatusNotFound, codeNotFound, "there is none")
	if got := traced(ctx, refusal); got.TraceID != trace || got.Detail != refusal.Detail {
		t.Errorf("of a request in a trace: %+v", got)
	}
	if got := traced(t.Context(), refusal); got.TraceID != "" {
		t.Errorf("of one without: %+v", got)
	}
	if got := traced(ctx, problemOf(&huma.ErrorModel{Status: http.StatusUnprocessableEntity})); got.TraceID != trace {
		t.Errorf("of what huma refuses: %+v", got)
	}
}
