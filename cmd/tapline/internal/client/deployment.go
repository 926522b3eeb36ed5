package client

import (
	"context"
	"net/http"
	"time"

	"tapline.dev/schemas"
)

// Deployment is what Import Center sees of what the deployment stands on.
type Deployment struct {
	Version string          `json:"version"`
	Now     time.Time       `json:"now"`
	Checks  []schemas.Check `json:"checks"`
}

// Deployment has Import Center check Kafka, Redis and the running services.
func (c *Client) Deployment(ctx context.Context) (Deployment, error) {
	var out Deployment
	return out, c.doWithin(ctx, previewTimeout, http.MethodGet, "/v1/deployment", nil, nil, &out)
}

// CompareClocks has Import Center ask schedulers and mappers for their time.
func (c *Client) CompareClocks(ctx context.Context) ([]schemas.Check, error) {
	var out struct {
		Checks []schemas.Check `json:"checks"`
	}
	err := c.doWithin(ctx, previewTimeout, http.MethodPost, "/v1/deployment/clocks", nil, nil, &out)
	return out.Checks, err
}
