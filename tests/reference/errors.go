package main

import (
	"fmt"
	"strings"

	"tapline.dev/schemas"
)

const errorsHead = `# Codes

<!-- Written by make docs from schemas/errors.json. -->

The codes that rejects, the API, the command line and the dry run share. A *data* code is a row's fault and rejects that row; a *config* code is the fault of a definition or a setting. CleverTap's own codes appear as ` + "`clevertap_<number>`" + `.
`

// errorsPage lists the catalogue of codes by the stage that finds them first.
func errorsPage() string {
	var page strings.Builder
	page.WriteString(errorsHead)
	for _, stage := range []string{schemas.StageDefinition, schemas.StageExtract, schemas.StageMap, schemas.StageLoad, "schedule", "api"} {
		fmt.Fprintf(&page, "\n## %s\n\n| code | class | meaning | likely cause | what to do |\n|---|---|---|---|---|\n", stage)
		for _, e := range schemas.ErrorCatalogue() {
			if e.Stages[0] == stage {
				fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s |\n", e.Code, e.Class, cell(e.Meaning), cell(e.LikelyCause), cell(e.Action))
			}
		}
	}
	return page.String()
}
