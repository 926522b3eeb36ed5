package schemas

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var services = []string{"importcenter", "scheduler", "extractor", "mapper", "loader"}

// TestWritersHaveTheRight: the catalogue's writers are those who may write.
func TestWritersHaveTheRight(t *testing.T) {
	t.Parallel()
	topics := NewTopics("tapline.")
	for _, spec := range append(topics.Catalogue(), topics.ImportTopics("customers", TopicSettings{})...) {
		var writers []string
		for _, service := range services {
			if slices.ContainsFunc(topics.Rights(service), func(r Right) bool {
				return r.On == OnTopic && r.May == MayWrite && (r.Name == spec.Name || r.Prefixed && strings.HasPrefix(spec.Name, r.Name))
			}) {
				writers = append(writers, service)
			}
		}
		if diff := cmp.Diff(spec.Writer, strings.Join(writers, ", ")); diff != "" {
			t.Errorf("%s: writers mismatch (-catalogue +rights):\n%s", spec.Name, diff)
		}
	}
}

// TestRightsAreDocumented holds docs/rights.md to the list.
func TestRightsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/rights.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, service := range services {
		fmt.Fprintf(&table, "\n## %s\n\n| on | name | may |\n|---|---|---|\n", service)
		for _, r := range NewTopics("tapline.").Rights(service) {
			name := "`" + r.Name + "`"
			if r.Prefixed {
				name = "`" + r.Name + "*`"
			}
			fmt.Fprintf(&table, "| %s | %s | %s |\n", r.On, name, r.May)
		}
	}
	_, got, _ := strings.Cut(string(text), "<!-- rights -->\n")
	if diff := cmp.Diff(table.String(), got); diff != "" {
		t.Errorf("docs/rights.md mismatch (-rights.go +page):\n%s", diff)
	}
}
