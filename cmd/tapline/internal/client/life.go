package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"tapline.dev/schemas"
)

func importPath(name string) string { return "/v1/imports/" + url.PathEscape(name) }

func keyed(key string) http.Header { return http.Header{"Idempotency-Key": {key}} }

// StartFirstRun runs an import for the first time, from a place in the order of its
// cursor.
func (c *Client) StartFirstRun(ctx context.Context, importName, from, key string, agreed Agreement) (schemas.Run, error) {
	q := agreed.query()
	if q == "" {
		q = "?"
	} else {
		q += "&"
	}
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, importPath(importName)+"/runs"+q+"from="+url.QueryEscape(from), keyed(key), nil, &out)
}

// PlanRun plans a run for an instant.
func (c *Client) PlanRun(ctx context.Context, importName string, at time.Time, key string, agreed Agreement) error {
	return c.do(ctx, http.MethodPost, importPath(importName)+"/planned-runs"+agreed.query(), keyed(key), map[string]any{"at": at}, nil)
}

// CancelPlannedRun takes a planned run back.
func (c *Client) CancelPlannedRun(ctx context.Context, importName string, at time.Time) error {
	return c.do(ctx, http.MethodDelete, importPath(importName)+"/planned-runs/"+url.PathEscape(at.UTC().Format(time.RFC3339Nano)), nil, nil, nil)
}

// Backfill reads a span of an import's cursor again.
func (c *Client) Backfill(ctx context.Context, importName, from, to, key string, agreed Agreement) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, importPath(importName)+"/backfills"+agreed.query(), keyed(key), map[string]any{"from": from, "to": to}, &out)
}

// Resend sends again what runs have loaded.
func (c *Client) Resend(ctx context.Context, importName string, first, last int, key string, agreed Agreement) (schemas.Run, error) {
	var out schemas.Run
	return out, c.do(ctx, http.MethodPost, importPath(importName)+"/resends"+agreed.query(), keyed(key), map[string]any{"first": first, "last": last}, &out)
}

// Deleted says what became of a deleted import.
type Deleted struct {
	Import    string   `json:"import"`
	Cancelled string   `json:"cancelled,omitempty"`
	Removed   []string `json:"removed"`
	Kept      []string `json:"kept"`
}

// DeleteImport deletes an import in the version with an ETag; topics is keep or remove.
func (c *Client) DeleteImport(ctx context.Context, importName, etag, topics string, cancelActive bool) (Deleted, error) {
	q := "?topics=" + url.QueryEscape(topics)
	if cancelActive {
		q += "&cancelActive=true"
	}
	var out Deleted
	return out, c.doWithin(ctx, 5*time.Minute, http.MethodDelete, importPath(importName)+q, http.Header{"If-Match": {etag}}, nil, &out)
}

// Clone copies an import's definition under another name, as a draft.
func (c *Client) Clone(ctx context.Context, importName, name string) error {
	return c.do(ctx, http.MethodPost, importPath(importName)+"/clone", nil, map[string]any{"name": name}, nil)
}
