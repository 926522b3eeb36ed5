package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapline.dev/schemas"
)

// codesMark is the line in docs/failed-rows.md after which the generated table begins.
const codesMark = "<!-- codes: written by make docs -->\n"

// failedRowsPage writes the table of codes that rows are rejected with again, and leaves
// the rest of the page unchanged.
func failedRowsPage(root string) (string, error) {
	old, err := os.ReadFile(filepath.Join(root, "docs", "failed-rows.md"))
	if err != nil {
		return "", err
	}
	head, _, ok := strings.Cut(string(old), codesMark)
	if !ok {
		return "", fmt.Errorf("docs/failed-rows.md has no line %q", strings.TrimSpace(codesMark))
	}
	var page strings.Builder
	page.WriteString(head + codesMark + "\n| code | stage | meaning | likely cause | what to do |\n|---|---|---|---|---|\n")
	for _, e := range schemas.ErrorCatalogue() {
		var stages []string
		for _, stage := range []string{schemas.StageExtract, schemas.StageMap, schemas.StageLoad} {
			if slices.Contains(e.Stages, stage) {
				stages = append(stages, stage)
			}
		}
		if len(stages) > 0 {
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s |\n", e.Code, strings.Join(stages, ", "), cell(e.Meaning), cell(e.LikelyCause), cell(e.Action))
		}
	}
	return page.String(), nil
}
