package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"tapline.dev/schemas"
)

// previewTimeout is longer than a server waits for the extractor.
const previewTimeout = 5 * time.Minute

// Preview is a query's columns and its first rows.
type Preview struct {
	Import  string            `json:"import"`
	QueryID string            `json:"queryId"`
	Millis  int64             `json:"millis"`
	Columns []PreviewColumn   `json:"columns"`
	Rows    []json.RawMessage `json:"rows"`
	// Suppressed are the indexes of rows about suppressed people, which no run sends.
	Suppressed []int    `json:"suppressed,omitempty"`
	Problems   []Detail `json:"problems"`
}

// PreviewColumn is a column and the number of rows in which it is NULL.
type PreviewColumn struct {
	schemas.Column
	Nulls int64 `json:"nulls"`
}

// PreviewQuery selects what is previewed: an applied import, or one of documents
// that need not be applied.
type PreviewQuery struct {
	Import    string            `json:"import,omitempty"`
	Documents []json.RawMessage `json:"documents,omitempty"`
	Rows      int               `json:"rows,omitempty"`
}

// Preview reads the first rows of an import's query.
func (c *Client) Preview(ctx context.Context, q PreviewQuery) (Preview, error) {
	var out Preview
	return out, c.doWithin(ctx, previewTimeout, http.MethodPost, "/v1/preview", nil, q, &out)
}

// DryRun is what a dry run has shown.
type DryRun struct {
	Run        schemas.Run      `json:"run"`
	Properties []DryRunProperty `json:"properties"`
	Profiles   *struct {
		New     int64 `json:"new"`
		Updated int64 `json:"updated"`
		Unknown int64 `json:"unknown"`
	} `json:"profiles,omitempty"`
	Estimate *struct {
		Rows    int64   `json:"rows"`
		Records int64   `json:"records"`
		Calls   int64   `json:"calls"`
		Seconds float64 `json:"seconds"`
	} `json:"estimate,omitempty"`
	Older int64             `json:"older,omitempty"`
	Rows  []json.RawMessage `json:"rows"`
}

// DryRunProperty is a rule of the mapping and its result over the sample.
type DryRunProperty struct {
	Result   string `json:"result"`
	Column   string `json:"column"`
	Property string `json:"property"`
	Type     string `json:"type"`
	Failing  int64  `json:"failing"`
	Omitted  int64  `json:"omitted"`
	Code     string `json:"code,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// StartDryRun tries an import with rows at random.
func (c *Client) StartDryRun(ctx context.Context, importName, key string, rows int) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, "/v1/imports/"+url.PathEscape(importName)+"/dryruns",
		http.Header{"Idempotency-Key": {key}}, map[string]int{"rows": rows}, &out)
}

// DryRun reads what a dry run has shown.
func (c *Client) DryRun(ctx context.Context, run string) (DryRun, error) {
	var out DryRun
	return out, c.do(ctx, http.MethodGet, "/v1/dryruns/"+url.PathEscape(run), nil, nil, &out)
}

// Sync sends exactly the records that a dry run has shown.
func (c *Client) Sync(ctx context.Context, dryRun, key string, agreed Agreement) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, "/v1/dryruns/"+url.PathEscape(dryRun)+"/sync"+agreed.query(),
		http.Header{"Idempotency-Key": {key}}, nil, &out)
}
