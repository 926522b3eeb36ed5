package importcenter

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/services/importcenter/internal/access"
)

var update = flag.Bool("update", false, "write the API's reference page anew")

const (
	apiPage     = "../../docs/reference/api.md"
	apiDocument = "../../schemas/openapi.yaml"
)

const apiHead = "# API\n\n" +

	"<!-- Written by make docs from the served OpenAPI document. Change the operations, not this page. -->\n\n" +
	"Import Center serves HTTP and JSON under `/v1`. The whole contract is the OpenAPI 3.1 document [openapi.yaml](../../schemas/openapi.yaml), which it also serves at `/openapi.yaml` and `/openapi.json`." +
	" Every refusal is an RFC 9457 problem (`application/problem+json`) with a `code` and a sentence that says what to do. " +
	"Who may call what is in [access.md](../access.md).\n"

// TestAPIPageIsCurrent: an operation or a parameter that was added, changed or
// removed is in the reference page.
func TestAPIPageIsCurrent(t *testing.T) {
	t.Parallel()
	page := apiReference(t, start(t).do("GET", "/openapi.json", "").text)
	if *update {
		if err := os.WriteFile(apiPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(apiPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), page); diff != "" {
		t.Errorf("docs/reference/api.md differs from what is served; run make docs (-page +served):\n%s", diff)
	}
}

// TestAPIDocumentIsCurrent: the committed contract is the one that is served, and
// it stays small enough to be read: what operations share is in it once.
func TestAPIDocumentIsCurrent(t *testing.T) {
	t.Parallel()
	a := start(t).do("GET", "/openapi.yaml", "")
	if *update {
		if err := os.WriteFile(apiDocument, []byte(a.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(apiDocument)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), a.text); diff != "" {
		t.Errorf("schemas/openapi.yaml differs from what is served; run make docs (-file +served):\n%s", diff)
	}
	if lines, most := strings.Count(a.text, "\n"), 13200; lines > most {
		t.Errorf("the OpenAPI document has %d lines, more than %d: something is written out where it could be referred to", lines, most)
	}
}

// TestEveryPartOfTheAPIIsDescribed: schemas and parameters say what they are, and
// every refusal refers to the one schema of problems.
func TestEveryPartOfTheAPIIsDescribed(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths      map[string]map[string]apiOperation
		Components struct {
			Schemas map[string]struct {
				Description string
			}
			Responses map[string]struct {
				Content map[string]struct{ Schema map[string]string }
			}
		}
	}
	if err := json.Unmarshal([]byte(start(t).do("GET", "/openapi.json", "").text), &doc); err != nil {
		t.Fatal(err)
	}
	for name, schema := range doc.Components.Schemas {
		if schema.Description == "" {
			t.Errorf("the schema %s has no description: add one to document_texts.go", name)
		}
	}
	for name, response := range doc.Components.Responses {
		if got := response.Content["application/problem+json"].Schema["$ref"]; got != "#/components/schemas/Problem" {
			t.Errorf("the refusal %s has the schema %q", name, got)
		}
	}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s %s: the parameter %s has no description", method, path, p.Name)
				}
			}
			for status, response := range op.Responses {
				ref, _ := response.(map[string]any)["$ref"].(string)
				if name := strings.TrimPrefix(ref, "#/components/responses/"); status >= "400" && doc.Components.Responses[name].Content == nil {
					t.Errorf("%s %s: the answer %s is no problem", method, path, status)
				}
			}
		}
	}
}

// TestTheDocumentForManyAtOnce: the first requests for the document come together.
func TestTheDocumentForManyAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t)
	var requests sync.WaitGroup
	for _, path := range []string{"/openapi.json", "/openapi.yaml", "/openapi-3.0.json", "/openapi-3.0.yaml"} {
		for range 4 {
			requests.Go(func() {
				res, err := http.Get(c.url + path)
				if err != nil {
					t.Error(err)
					return
				}
				defer res.Body.Close()
				if raw, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(raw), "/v1/imports") {
					t.Errorf("GET %s = %d with %d bytes, %v", path, res.StatusCode, len(raw), err)
				}
			})
		}
	}
	requests.Wait()
}

// TestWhatNoRouteTakes: a path that is not there, a method that a path does not
// take and a path that is not written plainly get problems.
func TestWhatNoRouteTakes(t *testing.T) {
	t.Parallel()
	c := start(t)
	for request, want := range map[string]int{
		"GET /v1": 404, "GET /v1/import": 404, "GET /v1/imports/": 404, "GET //v1/imports": 404, "GET /v1/../v1/imports": 404,
		"GET /auth/login": 404, "DELETE /v1/imports": 405, "PATCH /v1/keys/ci": 405, "OPTIONS /v1/keys": 405, "PUT /openapi.yaml": 405,
	} {
		method, path, _ := strings.Cut(request, " ")
		a := c.do(method, path, "")
		if a.status != want || a.header.Get("Content-Type") != "application/problem+json" || a.body["code"] == "" || a.body["status"] != float64(want) {
			t.Errorf("%s = %d %s %s", request, a.status, a.header.Get("Content-Type"), a.text)
		}
		if allow := a.header.Get("Allow"); (want == 405) != (allow != "") {
			t.Errorf("%s: Allow is %q", request, allow)
		}
	}
}

type apiOperation struct {
	OperationID string `json:"operationId"`
	Summary     string `json:"summary"`
	Parameters  []struct {
		Name        string `json:"name"`
		In          string `json:"in"`
		Description string `json:"description"`
	} `json:"parameters"`
	Responses map[string]any `json:"responses"`
}

// apiReference lists the operations of an OpenAPI document by path.
func apiReference(t *testing.T, document string) string {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]apiOperation `json:"paths"`
	}
	if err := json.Unmarshal([]byte(document), &doc); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString(apiHead)
	for _, path := range sortedKeys(doc.Paths) {
		for _, method := range sortedKeys(doc.Paths[path]) {
			op := doc.Paths[path][method]
			fmt.Fprintf(&page, "\n## %s %s\n\n%s. Operation `%s`; answers %s.\n", strings.ToUpper(method), path,
				strings.TrimSuffix(op.Summary, "."), op.OperationID, strings.Join(sortedKeys(op.Responses), ", "))
			if len(op.Parameters) == 0 {
				continue
			}
			page.WriteString("\n| parameter | in | meaning |\n|---|---|---|\n")
			for _, p := range op.Parameters {
				fmt.Fprintf(&page, "| `%s` | %s | %s |\n", p.Name, p.In, strings.ReplaceAll(p.Description, "|", `\|`))
			}
		}
	}
	return page.String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	c := start(t)
	a := c.do("GET", "/openapi.json", "")
	if a.status != http.StatusOK || a.body["openapi"] != "3.1.0" {
		t.Fatalf("openapi = %d %s", a.status, a.text[:min(200, len(a.text))])
	}
	for _, path := range []string{"/v1/apply", "/v1/imports/{import}/runs", "/v1/runs/{run}/cancel", "/v1/rejects", "/v1/connections"} {
		if _, ok := a.body["paths"].(map[string]any)[path]; !ok {
			t.Errorf("no %s in the OpenAPI document", path)
		}
	}
}

// TestEveryRouteHasARole: an operation without an entry in the table of routes
// fails, and so does an entry without an operation.
func TestEveryRouteHasARole(t *testing.T) {
	t.Parallel()
	c := start(t)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Security    []map[string][]string `json:"security"`
		}
	}
	if err := json.Unmarshal([]byte(c.do("GET", "/openapi.json", "").text), &doc); err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			served[op.OperationID] = true
			route, ok := access.Routes[op.OperationID]
			if !ok {
				t.Errorf("%s %s (%s) has no role: add it to internal/access/routes.go", method, path, op.OperationID)
				continue
			}
			if want := []map[string][]string{{"bearer": {route.Role.String()}}}; route.Role > access.Anyone && !cmp.Equal(op.Security, want) {
				t.Errorf("%s: the OpenAPI document asks for %v, want %v", op.OperationID, op.Security, want)
			}
		}
	}
	for id := range access.Routes {
		if !served[id] {
			t.Errorf("the table of routes names %s, which is no operation", id)
		}
	}
}
