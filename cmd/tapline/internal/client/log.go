package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// LogEntry is something that happened to a run.
type LogEntry struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}

// RunLog is what happened to a run, oldest first, and its state now.
type RunLog struct {
	Run   string     `json:"run"`
	State string     `json:"state"`
	Items []LogEntry `json:"items"`
}

// RunLog reads what happened to a run.
func (c *Client) RunLog(ctx context.Context, run string) (RunLog, error) {
	var out RunLog
	return out, c.do(ctx, http.MethodGet, "/v1/runs/"+url.PathEscape(run)+"/log", nil, nil, &out)
}
