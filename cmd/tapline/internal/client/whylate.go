package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// WhyLate is why an import is late, or what its run waits for.
type WhyLate struct {
	Import      string      `json:"import"`
	AsOf        time.Time   `json:"asOf"`
	Due         *time.Time  `json:"due"`
	LateSeconds float64     `json:"lateSeconds"`
	Run         string      `json:"run"`
	State       string      `json:"state"`
	Causes      []LateCause `json:"causes"`
	Unknown     []string    `json:"unknown"`
}

// LateCause is one link of the chain.
type LateCause struct {
	Code    string     `json:"code"`
	Text    string     `json:"text"`
	Since   *time.Time `json:"since"`
	Stage   string     `json:"stage"`
	Records int64      `json:"records"`
	Seconds float64    `json:"seconds"`
	Next    string     `json:"next"`
}

// WhyLate asks why an import is late. It returns the answer as it came too.
func (c *Client) WhyLate(ctx context.Context, importName string) (WhyLate, json.RawMessage, error) {
	var text json.RawMessage
	var out WhyLate
	err := c.do(ctx, http.MethodGet, "/v1/imports/"+url.PathEscape(importName)+"/why-late", nil, nil, &text)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, text, err
}
