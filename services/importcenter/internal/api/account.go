package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/schemas"
)

// AccountTestResult is what asking a CleverTap account has shown.
type AccountTestResult struct {
	Account string `json:"account"`
	schemas.AccountTest
}

type accountTestOutput struct{ Body AccountTestResult }

func (h *handlers) registerAccountTest(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "test-account", Method: http.MethodPost, Path: "/v1/accounts/{name}/test",
		Summary: "Ask a CleverTap account whether its credentials, region, clock and limits fit; nothing is stored there",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
	}, h.testAccount)
}

// testAccount asks a loader: only it holds the credentials. Checks that failed are
// in the answer, so that one of them hides no other.
func (h *handlers) testAccount(ctx context.Context, in *testInput) (*accountTestOutput, error) {
	if err := h.View.ReadToEnd(ctx); err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	if _, ok := h.Catalog.Resource(schemas.KindCleverTapAccount, in.Name); !ok {
		return nil, h.noResource(schemas.KindCleverTapAccount, in.Name)
	}
	q := question{kind: schemas.CommandTestAccount, importName: in.Name, spec: schemas.ImportSpec{
		Destination: schemas.Destination{AccountRef: in.Name}, Mapping: []schemas.Property{},
	}}
	replies, failed := h.ask(ctx, in.Actor, []question{q}, h.PreviewTimeout)
	if failed != nil {
		return nil, failed
	}
	if replies[0].account == nil {
		return nil, problem(http.StatusGatewayTimeout, codeNoAnswer,
			"no loader has answered within "+h.PreviewTimeout.String()+"; is one running, of this version, with a scheduler?")
	}
	found := *replies[0].account
	found.Checks = append(found.Checks, clockOf("loader", replies[0])...)
	return &accountTestOutput{Body: AccountTestResult{Account: in.Name, AccountTest: found}}, nil
}
