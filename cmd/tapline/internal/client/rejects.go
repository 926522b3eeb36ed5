package client

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"

	"tapline.dev/schemas"
)

// RejectsQuery selects rejects.
type RejectsQuery struct {
	Import, Run, Code    string
	Stage, Column, State string
	Since, Until         string // RFC 3339
	Order                string
	Size                 int
	Token                string
}

func (q RejectsQuery) filters() map[string]string {
	return map[string]string{
		"import": q.Import, "run": q.Run, "code": q.Code, "stage": q.Stage, "column": q.Column, "state": q.State, "since": q.Since, "until": q.Until,
	}
}

// with is the filters and more, as the query of an address.
func (q RejectsQuery) with(more map[string]string) string {
	all := q.filters()
	maps.Copy(all, more)
	return query(all)
}

// Rejects lists rejects, newest first unless the query says otherwise.
func (c *Client) Rejects(ctx context.Context, q RejectsQuery) (List[schemas.Reject], error) {
	var out List[schemas.Reject]
	return out, c.do(ctx, http.MethodGet, "/v1/rejects?"+q.with(map[string]string{"order": q.Order, "pageSize": size(q.Size), "pageToken": q.Token}), nil, nil, &out)
}

// AllRejects calls fn with every reject, newest first unless the query says otherwise.
func (c *Client) AllRejects(ctx context.Context, q RejectsQuery, fn func(schemas.Reject) error) error {
	res, err := c.send(ctx, http.MethodGet, "/v1/rejects?"+q.with(map[string]string{"order": q.Order}), http.Header{"Accept": {"application/x-ndjson"}}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	return eachLine(res.Body, fn)
}

// RejectGroup counts rejects with the same code, column and shape of the value.
type RejectGroup struct {
	Code   string `json:"code,omitempty"`
	Column string `json:"column,omitempty"`
	Shape  string `json:"shape,omitempty"`
	Count  int64  `json:"count"`
	Action string `json:"action,omitempty"`
}

// RejectGroups are the largest groups of rejects.
type RejectGroups struct {
	Items    []RejectGroup `json:"items"`
	Total    int64         `json:"total"`
	Groups   int           `json:"groups"`
	Complete bool          `json:"complete"`
	Share    float64       `json:"share"`
}

// CountRejects counts rejects in groups, the largest first.
func (c *Client) CountRejects(ctx context.Context, q RejectsQuery) (RejectGroups, error) {
	var out RejectGroups
	return out, c.do(ctx, http.MethodGet, "/v1/rejects/counts?"+q.with(nil), nil, nil, &out)
}

// ExportRejects writes a file of all rejects: ndjson, csv or parquet.
func (c *Client) ExportRejects(ctx context.Context, q RejectsQuery, format string, bom bool, to io.Writer) error {
	more := map[string]string{"format": format}
	if bom {
		more["bom"] = "true"
	}
	res, err := c.send(ctx, http.MethodGet, "/v1/rejects/export?"+q.with(more), nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	if _, err := io.Copy(to, res.Body); err != nil {
		return fmt.Errorf("reading the file, which is incomplete: %w", err)
	}
	return nil
}
