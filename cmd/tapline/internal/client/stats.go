package client

import (
	"context"
	"net/http"
	"net/url"
)

// Stats are figures of an import over its runs.
type Stats struct {
	Periods []Period `json:"periods"`
	Cost    *Cost    `json:"cost,omitempty"`
}

// Period is what the runs of the last days came to.
type Period struct {
	Days        int            `json:"days"`
	Runs        int            `json:"runs"`
	ByState     map[string]int `json:"byState"`
	Equation    string         `json:"equation"`
	RejectRatio float64        `json:"rejectRatio"`
	Duration    *struct {
		P50 float64 `json:"p50"`
		P95 float64 `json:"p95"`
	} `json:"duration,omitempty"`
}

// Cost is what the newest runs have taken at Snowflake, on average.
type Cost struct {
	Runs               int     `json:"runs"`
	QueueSeconds       float64 `json:"queueSeconds"`
	ExecutionSeconds   float64 `json:"executionSeconds"`
	SecondsPerThousand float64 `json:"secondsPer1000,omitempty"`
	SecondsPerDay      float64 `json:"secondsPerDay,omitempty"`
}

// Stats reads an import's figures over the last 7, 30 and 90 days.
func (c *Client) Stats(ctx context.Context, importName string) (Stats, error) {
	var out Stats
	return out, c.do(ctx, http.MethodGet, "/v1/imports/"+url.PathEscape(importName)+"/stats", nil, nil, &out)
}
