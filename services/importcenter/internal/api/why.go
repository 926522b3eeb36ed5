package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/rowlog"
)

// Bounds of a question about a person.
const (
	maxWhyBody = 16 << 10
	maxWhyRuns = 1000
)

// whyInput has the identity in the body: URLs are written to logs and histories.
type whyInput struct {
	ImportPath
	Body struct {
		Identity  string `json:"identity" doc:"As CleverTap gets it: letter by letter, with its case and blanks"`
		CleverTap bool   `json:"clevertap,omitempty" doc:"Look up what CleverTap holds of the person now; a loader does, within the account's limit"`
		Snowflake bool   `json:"snowflake,omitempty" doc:"Read the person's rows in Snowflake, by one statement, and tell from them which runs left them out as unchanged or in the future"`
	}
}

// WhyAnswer is what became of the rows of a person.
type WhyAnswer struct {
	Import string `json:"import"`
	rowlog.Answer
	// Others are runs and not rows: for such rows the topics hold no identity.
	CleverTap *Person   `json:"clevertap,omitempty" doc:"What CleverTap holds of the person now, if it was asked for"`
	Snowflake *HeldRows `json:"snowflake,omitempty" doc:"What Snowflake has of the person now, if it was asked for"`
	Others    []WhyRun  `json:"others" doc:"Runs that read unchanged rows, rows in the future, still rejected ones or ones of suppressed people: the topics cannot tell whose those are"`
}

// WhyRun counts the rows of a run of which the topics do not tell whose they are.
type WhyRun struct {
	Run       string    `json:"run"`
	StartedAt time.Time `json:"startedAt"`
	UnlistedRows
}

type whyOutput struct{ Body WhyAnswer }

func (h *handlers) registerWhy(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "why", Method: http.MethodPost, Path: "/v1/imports/{import}/why",
		Summary: "Tell what became of a person's rows: each run that read one, what the mapping made of it, and what CleverTap answered", MaxBodyBytes: maxWhyBody,
		Errors: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.why)
}

func (h *handlers) why(ctx context.Context, in *whyInput) (*whyOutput, error) {
	identity := in.Body.Identity
	if identity == "" || utf8.RuneCountInString(identity) > maxIdentity {
		return nil, problem(http.StatusBadRequest, codeInvalidRequest, "identity is the person's, of 1 to 1,024 characters, as CleverTap gets it")
	}
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	d, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	if in.Body.CleverTap && access.CallerOf(ctx).Selector != nil {
		return nil, problem(http.StatusForbidden, codeForbidden,
			"what CleverTap holds of a person was sent by every import of the account and needs a credential without an import selector; yours has one. tapline verify "+
				in.Import+" compares what this import sends")
	}
	if refusal := h.auditRead(ctx, "why", in.Import); refusal != nil {
		return nil, refusal
	}
	out := &whyOutput{Body: WhyAnswer{
		Import: in.Import, Others: []WhyRun{}, Answer: rowlog.Answer{Rows: []rowlog.Appearance{}, Reach: map[string]time.Time{}, Complete: true},
	}}
	if in.Body.CleverTap {
		var failed *Problem
		if out.Body.CleverTap, failed = h.person(ctx, d.Spec, identity); failed != nil {
			return nil, failed
		}
	}
	rules := &ruleBook{h: h, ctx: ctx, importName: in.Import, compiled: map[*schemas.Started]*rowlog.Rule{}}
	runs, refusal := h.whyTopics(ctx, identity, &out.Body, rules)
	if refusal == nil && in.Body.Snowflake {
		out.Body.Snowflake, refusal = h.heldRows(ctx, d, identity, &out.Body.Answer, runs, rules)
	}
	if refusal == nil && rules.err != nil {
		refusal = h.kafkaFailed(ctx, rules.err)
	}
	if refusal != nil {
		return nil, refusal
	}
	return out, nil
}

// whyTopics fills in what the topics tell, and returns the runs of whose rows they do.
func (h *handlers) whyTopics(ctx context.Context, identity string, out *WhyAnswer, rules *ruleBook) ([]schemas.Run, *Problem) {
	rows := h.Topics.Rows(out.Import)
	counts, err := h.PartitionCounts(ctx, []string{rows})
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if counts[rows] == 0 {
		return nil, nil // no run has read a row
	}
	answer, err := rowlog.Why(ctx, h.Partitions, h.Topics, rowlog.Question{Import: out.Import, Identity: identity, Partitions: counts[rows], Rule: rules.of})
	if err == nil {
		err = rules.err
	}
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	out.Answer = *answer
	runs, err := h.toldRuns(ctx, out.Import, answer.Runs)
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	for _, r := range runs {
		if (unlisted(r) != UnlistedRows{}) {
			out.Others = append(out.Others, WhyRun{r.Run, r.StartedAt, unlisted(r)})
		}
	}
	return runs, nil
}

// toldRuns are runs by their numbers, the oldest first.
func (h *handlers) toldRuns(ctx context.Context, importName string, told []int) ([]schemas.Run, error) {
	query := projection.Query{Import: importName, Limit: maxWhyRuns, Match: func(r schemas.Run) bool {
		_, number, err := schemas.ParseRunID(r.Run)
		return err == nil && slices.Contains(told, number)
	}}
	page, err := h.Projection.Runs(ctx, query)
	if err != nil {
		h.logFailure(ctx, codeRedis, err)
		if page, err = h.runsFromLog(ctx, query, time.Time{}); err != nil {
			return nil, err
		}
	}
	slices.Reverse(page.Runs)
	return page.Runs, nil
}

// ruleBook finds the definitions and mappings of an import's runs, for one question.
type ruleBook struct {
	h          *handlers
	ctx        context.Context //nolint:containedctx // it lives for one question
	importName string
	specs      map[string]schemas.ImportSpec // by run; nil before they were read
	compiled   map[*schemas.Started]*rowlog.Rule
	err        error
}

// of returns the definition that a run used, and the mapping of its attempt if the report
// of its start is given. Without the run's trigger, which retention removes, the
// definition is the applied one, and there is no mapping.
func (b *ruleBook) of(run string, started *schemas.Started) (schemas.ImportSpec, *rowlog.Rule) {
	if b.specs == nil {
		b.read()
	}
	spec, known := b.specs[run]
	if !known {
		d, _ := b.h.Catalog.Import(b.importName)
		return d.Spec, nil
	}
	if started == nil {
		return spec, nil
	}
	rule, done := b.compiled[started]
	if !done {
		rule = b.h.compiled(spec, started)
		b.compiled[started] = rule
	}
	return spec, rule
}

func (b *ruleBook) read() {
	b.specs = map[string]schemas.ImportSpec{}
	err := b.h.scan(b.ctx, b.h.Topics.Triggers(), b.importName, func(r *kafka.Record) error {
		var t schemas.Trigger
		if json.Unmarshal(r.Value, &t) == nil {
			b.specs[t.Run] = t.Spec
		}
		return nil
	})
	if err != nil {
		b.err = fmt.Errorf("finding the definitions of runs: %w", err)
	}
}
