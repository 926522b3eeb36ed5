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
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if _, ok := h.Catalog.Resource(schemas.KindSnowflakeConnection, in.Name); !ok {
		return nil, noResource(schemas.KindSnowflakeConnection, in.Name)
	}
	q := question{kind: schemas.CommandTestConnection, importName: in.Name, spec: schemas.ImportSpec{
		Source: schemas.Source{ConnectionRef: in.Name}, Mapping: []schemas.Property{},
	}}
	replies, failed := h.ask(ctx, in.Actor, []question{q}, h.PreviewTimeout)
	if failed != nil {
		return nil, failed
	}
	r := replies[0]
	switch {
	case r.refusal != nil && r.refusal.Permanent:
		return nil, problem(http.StatusUnprocessableEntity, r.refusal.Code, r.refusal.Reason)
	case r.refusal != nil:
		return nil, problem(http.StatusServiceUnavailable, r.refusal.Code, r.refusal.Reason)
	case r.tested == nil:
		return nil, problem(http.StatusGatewayTimeout, codeNoAnswer,
			"no extractor has answered within "+h.PreviewTimeout.String()+"; is one running, with a scheduler?")
	}
	return &testOutput{Body: ConnectionTestResult{Connection: in.Name, ConnectionTest: *r.tested}}, nil
}
