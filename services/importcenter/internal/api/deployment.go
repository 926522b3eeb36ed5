package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/libs/daemon"
	"tapline.dev/schemas"
)

// inspectTimeout bounds how long the checks of a deployment take together.
const inspectTimeout = 30 * time.Second

// Deployment is what Import Center sees of what the deployment stands on.
type Deployment struct {
	Version string          `json:"version" doc:"Import Center's"`
	Now     time.Time       `json:"now" doc:"Import Center's clock"`
	Checks  []schemas.Check `json:"checks" doc:"Each check, in order"`
}

type deploymentOutput struct{ Body Deployment }

func (h *handlers) registerDeployment(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "check-deployment", Method: http.MethodGet, Path: "/v1/deployment",
		Summary: "Check Kafka, Redis and the running services, as Import Center sees them",
	}, func(ctx context.Context, _ *ActorHeader) (*deploymentOutput, error) {
		ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
		defer cancel()
		return &deploymentOutput{Body: Deployment{Version: daemon.Version(), Checks: h.Inspect(ctx), Now: h.Now()}}, nil
	})
}
