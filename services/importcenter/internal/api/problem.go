package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/telemetry"
)

// Codes of problems that are not about a definition's content.
const (
	codeInvalidRequest  = "invalid_request"
	codeNotFound        = "not_found"
	codeInUse           = "in_use"
	codeChanged         = "changed_meanwhile"
	codeManaged         = "managed_elsewhere"
	codeCondition       = "condition_required"
	codeRefused         = "definition_refused"
	codeTopics          = "topics_differ"
	codeNoAnswer        = "no_answer"
	codeNotChecked      = "not_checked"
	codePaused          = "import_paused"
	codeNotHeld         = "run_not_held"
	codeDraft           = "import_draft"
	codeNoCursor        = "no_cursor"
	codeOtherWindow     = "other_run_waits"
	codeHasWatermark    = "has_watermark"
	codePlanFull        = "too_many_planned"
	codeOtherEpoch      = "other_epoch"
	codeNothingLoaded   = "nothing_loaded"
	codeRowsGone        = "rows_gone"
	codeConfirm         = "confirmation_required"
	codeApproval        = "approval_required"
	codeSampleStale     = "sample_stale"
	codeNotComparable   = "suppression_not_comparable"
	codeKafka           = "kafka_unavailable"
	codeRedis           = "redis_unavailable"
	codeIndex           = "index_unavailable"
	codeUnauthorized    = "unauthorized"
	codeForbidden       = "forbidden"
	codeTooMany         = "too_many_requests"
	codeMethod          = "method_not_allowed"
	codeSignInAway      = "sign_in_unavailable"
	codeInFlight        = "request_in_flight"
	codeKeyReused       = "key_reused"
	codeAnswerNotKept   = "answer_not_kept"
	codeInternal        = "internal"
	codeNothingToReplay = "nothing_to_replay"
	codeRedefined       = "redefined"
	codeNothingToRepair = "nothing_to_repair"
	codeNotReconcilable = "not_reconcilable"
)

// problemBase begins the type of every problem; the code ends it.
const problemBase = "https://tapline.dev/problems/"

// Problem is an RFC 9457 problem with the code that it has in the catalogue.
type Problem struct {
	Type    string `json:"type" doc:"A URL that stands for the code"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail" doc:"What happened and what to do, in a sentence"`
	Code    string `json:"code"`
	TraceID string `json:"traceId,omitempty"`
	Repeats int64  `json:"repeats,omitempty" doc:"As confirmation.repeats"`
	// Confirmation is of code confirmation_required.
	Confirmation *Confirmation `json:"confirmation,omitempty" doc:"Of code confirmation_required: what would be done, and how to agree to it"`
	Approval     string        `json:"approval,omitempty" doc:"Of code approval_required: under which name the change waits for a second person"`
	Errors       []Detail      `json:"errors,omitempty" doc:"Every problem that was found"`
}

// Detail is one of several problems of a request.
type Detail struct {
	Location string `json:"location,omitempty" doc:"Where, such as documents[2].spec.mapping[3].to"`
	Code     string `json:"code,omitempty"`
	Message  string `json:"message"`
}

// Error makes a Problem an error that huma answers with.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders says when to ask again where something does not answer.
func (p *Problem) GetHeaders() http.Header {
	if p.Status != http.StatusServiceUnavailable {
		return nil
	}
	return http.Header{"Retry-After": {retryAfter}}
}

// retryAfter is in seconds: about as long as a broker or a Redis takes to be replaced.
const retryAfter = "5"

// ContentType marks the answer as a problem.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func problem(status int, code, detail string, errs ...Detail) *Problem {
	return &Problem{
		Type: problemBase + code, Title: http.StatusText(status), Status: status,
		Detail: detail, Code: code, Errors: errs,
	}
}

// asProblem turns huma's own refusals of a request into Problems, and names the request's
// trace in each Problem.
func asProblem(ctx huma.Context, _ string, v any) (any, error) {
	switch v := v.(type) {
	case *huma.ErrorModel:
		return traced(ctx.Context(), problemOf(v)), nil
	case *Problem:
		return traced(ctx.Context(), v), nil
	}
	return v, nil
}

// traced is a Problem with the trace of the request that it answers.
func traced(ctx context.Context, p *Problem) *Problem {
	said := *p // the same one may answer several requests
	said.TraceID = telemetry.TraceID(ctx)
	return &said
}

// problemOf makes a Problem of a refusal of huma's. The values that huma would echo are
// left out: they may be anybody's data (Invariant 9).
func problemOf(model *huma.ErrorModel) *Problem {
	code := codeInvalidRequest
	detail := "the request is not understood: " + model.Detail
	switch {
	case model.Status == http.StatusNotFound:
		code = codeNotFound
	case model.Status >= http.StatusInternalServerError:
		// Its details come from errors inside the service.
		return problem(model.Status, codeInternal, "the request could not be served; the service's log says why")
	}
	p := problem(model.Status, code, detail)
	for _, e := range model.Errors {
		if e != nil {
			p.Errors = append(p.Errors, Detail{Location: strings.TrimPrefix(e.Location, "body."), Message: plain(e.Message)})
		}
	}
	return p
}

// plain says what huma says in Go's terms as people write it.
func plain(message string) string {
	if strings.HasPrefix(message, "invalid date/time for format ") {
		return "is an instant such as 2026-11-01T00:00:00Z"
	}
	return message
}
