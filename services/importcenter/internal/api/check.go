package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// check judges documents as judge does. It also asks the extractor to describe the
// queries of new and changed imports, and compiles their mappings against the real
// columns. So every mistake that can be found without reading rows is reported at
// once, before anything is applied.
func (h *handlers) check(ctx context.Context, actor string, w wanted, mappings *definition.MappingCheck) ([]plan.Change, *Problem) {
	set, details := h.parse(ctx, w.Documents, mappings)
	changes := h.changes(set, w.ChangeSet)
	refusal := h.mayChange(ctx, changes)
	if refusal == nil {
		refusal = h.managedElsewhere(changes, w.ManagedBy)
	}
	if refusal == nil {
		refusal = h.mayRemove(ctx, changes)
	}
	if refusal != nil {
		return nil, refusal
	}
	found, refusal := h.checkColumns(ctx, actor, set, questionsOf(set, changes, details))
	for _, d := range found {
		if !slices.Contains(details, d) {
			details = append(details, d)
		}
	}
	if len(details) > 0 {
		return nil, refused(details)
	}
	return changes, refusal
}

// questionsOf returns the queries to describe: those of imports that change and
// whose source has no problem already.
func questionsOf(set *definition.Set, changes []plan.Change, details []Detail) []question {
	var questions []question
	for _, c := range changes {
		if c.Import == nil || c.Outcome == plan.Unchanged || c.Outcome == plan.Removed || c.Import.Spec.Draft {
			continue
		}
		source := detailsOf(set.Locate(schemas.KindImport, c.Name, []definition.Problem{{Path: "spec.source"}}))
		if len(source) == 0 || slices.ContainsFunc(details, func(d Detail) bool { return strings.HasPrefix(d.Location, source[0].Location) }) {
			continue
		}
		questions = append(questions, question{kind: schemas.CommandPreview, importName: c.Name, spec: c.Import.Spec, connection: connectionIn(set, c.Import.Spec)})
	}
	return questions
}

// checkColumns returns all that the queries' columns show to be wrong, or a
// refusal if Snowflake could not be asked.
func (h *handlers) checkColumns(ctx context.Context, actor string, set *definition.Set, questions []question) (details []Detail, refusal *Problem) {
	if len(questions) == 0 || h.CheckTimeout <= 0 {
		return nil, nil
	}
	replies, failed := h.ask(ctx, actor, questions, h.CheckTimeout)
	if failed != nil {
		return nil, failed
	}
	for i, q := range questions {
		problems, why := h.examine(set, q, replies[i])
		if why != "" {
			refusal = problem(http.StatusServiceUnavailable, codeNotChecked, fmt.Sprintf(
				"nothing was applied, because the query of %s could not be checked: %s. Apply with --offline to leave the check to the first run", q.importName, why))
		}
		details = append(details, detailsOf(set.Locate(schemas.KindImport, q.importName, problems))...)
	}
	return details, refusal
}

// examine says what is wrong with an import, or why that could not be found out.
func (h *handlers) examine(set *definition.Set, q question, r reply) (problems []definition.Problem, refusal string) {
	switch {
	case r.refusal != nil:
		path, message, ok := faultyPart(q.spec.Source, r.refusal)
		if !ok {
			return nil, r.refusal.Reason
		}
		return []definition.Problem{{Path: path, Code: r.refusal.Code, Message: message}}, ""
	case r.preview == nil:
		return nil, fmt.Sprintf("no extractor has answered within %s; is one running, with a scheduler?", h.CheckTimeout)
	}
	for _, p := range r.preview.Problems {
		problems = append(problems, definition.Problem{Path: p.Path, Code: p.Code, Message: p.Message})
	}
	_, found := mapping.Compile(q.spec, r.preview.Columns, h.options(set, q.spec.Destination.AccountRef))
	for _, p := range found {
		problems = append(problems, definition.Problem{Path: p.Path, Code: p.Code, Message: p.Message})
	}
	return problems, ""
}

// faultyPart finds the part of the definition that a refusal is about. ok is false
// if the refusal is not about the definition but about reaching Snowflake.
func faultyPart(s schemas.Source, a *schemas.Abandoned) (path, message string, ok bool) {
	query := "spec.source.query"
	if s.Table != "" {
		query = "spec.source.table"
	}
	switch a.Code {
	case "query_refused":
		// The text says which of the definition's SQL it is: source.cursor.expr: …
		if where, what, found := strings.Cut(a.Reason, ": "); found && strings.HasPrefix(where, "source.") {
			return "spec." + where, what, true
		}
		return query, a.Reason, true
	case "snowflake_query", "column_ambiguous", "column_unsupported", "too_many_columns":
		return query, a.Reason, true
	case "reference_missing":
		return "spec.source.connectionRef", a.Reason, true
	}
	return "", "", false
}

// connectionIn is the import's connection if the set brings it.
func connectionIn(set *definition.Set, spec schemas.ImportSpec) *schemas.SnowflakeConnectionSpec {
	for _, r := range set.Resources {
		if r.Kind != schemas.KindSnowflakeConnection || r.Metadata.Name != spec.Source.ConnectionRef {
			continue
		}
		var c schemas.SnowflakeConnectionSpec
		if decodeSpec(r.Spec, &c) {
			return &c
		}
	}
	return nil
}
