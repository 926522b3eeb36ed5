package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

type testInput struct {
	ActorHeader
	ResourcePath
}

// ConnectionTestResult is what signing in with a connection has shown.
type ConnectionTestResult struct {
	Connection string `json:"connection"`
	schemas.ConnectionTest
	Checks []schemas.Check `json:"checks,omitempty" doc:"The extractor's clock against Import Center's"`
}

type testOutput struct{ Body ConnectionTestResult }

func (h *handlers) registerConnectionTest(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "test-connection", Method: http.MethodPost, Path: "/v1/connections/{name}/test",
		Summary: "Sign in with a connection and tell its role, warehouse, region, clock and privileges",
		Errors:  []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.testConnection)
}

// testConnection asks the extractor: only it holds the credentials.
func (h *handlers) testConnection(ctx context.Context, in *testInput) (*testOutput, error) {
	r, failed := h.askOfConnection(ctx, in.Actor, in.Name, question{kind: schemas.CommandTestConnection})
	if failed != nil {
		return nil, failed
	}
	if r.tested == nil {
		return nil, h.noAnswer()
	}
	return &testOutput{Body: ConnectionTestResult{Connection: in.Name, ConnectionTest: *r.tested, Checks: clockOf("extractor", r)}}, nil
}

// askOfConnection puts a question about an applied connection to the extractor. A
// refusal is the problem; the reply may still hold no answer.
func (h *handlers) askOfConnection(ctx context.Context, actor, name string, q question) (reply, *Problem) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return reply{}, h.kafkaFailed(ctx, err)
	}
	if _, ok := h.Catalog.Resource(schemas.KindSnowflakeConnection, name); !ok {
		return reply{}, h.noResource(schemas.KindSnowflakeConnection, name)
	}
	q.importName = name
	q.spec = schemas.ImportSpec{Source: schemas.Source{ConnectionRef: name}, Mapping: []schemas.Property{}}
	replies, failed := h.ask(ctx, actor, []question{q}, h.PreviewTimeout)
	if failed != nil {
		return reply{}, failed
	}
	refusal := replies[0].refusal
	switch {
	case refusal != nil && refusal.Permanent:
		return reply{}, problem(http.StatusUnprocessableEntity, refusal.Code, refusal.Reason)
	case refusal != nil:
		return reply{}, problem(http.StatusServiceUnavailable, refusal.Code, refusal.Reason)
	}
	return replies[0], nil
}

func (h *handlers) noAnswer() *Problem {
	return problem(http.StatusGatewayTimeout, codeNoAnswer,
		"no extractor has answered within "+h.PreviewTimeout.String()+"; is one running, with a scheduler?")
}
