package importcenter

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the API's reference page anew")

const apiPage = "../../docs/reference/api.md"

const apiHead = "# API\n\n" +
	"<!-- Written by make docs from the served OpenAPI document. Change the operations, not this page. -->\n\n" +
	"Import Center serves HTTP and JSON under `/v1`. The whole contract is the OpenAPI 3.1 document that it serves at `/openapi.yaml` and `/openapi.json`." +
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
