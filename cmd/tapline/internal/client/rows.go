package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Row is what became of one row of a run.
type Row struct {
	Ref         string    `json:"ref"`
	ID          string    `json:"id"`
	Result      string    `json:"result"`
	Stage       string    `json:"stage,omitempty"`
	Code        string    `json:"code,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Column      string    `json:"column,omitempty"`
	Property    string    `json:"property,omitempty"`
	Identity    string    `json:"identity,omitempty"`
	CleverTapID string    `json:"cleverTapId,omitempty"`
	Event       string    `json:"event,omitempty"`
	Upload      string    `json:"upload,omitempty"`
	Time        time.Time `json:"time"`
	Gone        bool      `json:"gone,omitempty"`
}

// RowsPage is a page of the rows of a run. Unlisted counts the rows of which the topics
// hold nothing.
type RowsPage struct {
	List[Row]
	Unlisted map[string]int64 `json:"unlisted"`
}

// RowsQuery selects rows of a run.
type RowsQuery struct {
	Run, Result string
	Size        int
	Token       string
}

func (q RowsQuery) path(paged bool) string {
	values := map[string]string{"result": q.Result}
	if paged {
		values["pageSize"], values["pageToken"] = size(q.Size), q.Token
	}
	return "/v1/runs/" + url.PathEscape(q.Run) + "/rows?" + query(values)
}

// Rows lists rows of a run.
func (c *Client) Rows(ctx context.Context, q RowsQuery) (RowsPage, error) {
	var out RowsPage
	return out, c.do(ctx, http.MethodGet, q.path(true), nil, nil, &out)
}

// AllRows calls fn with every row of a run.
func (c *Client) AllRows(ctx context.Context, q RowsQuery, fn func(Row) error) error {
	res, err := c.send(ctx, http.MethodGet, q.path(false), http.Header{"Accept": {"application/x-ndjson"}}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	return eachLine(res.Body, fn)
}

// ExportRows writes a file of all rows of a run: ndjson, csv or parquet. It returns what
// whoever reads the file has to know.
func (c *Client) ExportRows(ctx context.Context, q RowsQuery, format string, bom bool, to io.Writer) (note string, err error) {
	values := map[string]string{"result": q.Result, "format": format}
	if bom {
		values["bom"] = "true"
	}
	res, err := c.send(ctx, http.MethodGet, "/v1/runs/"+url.PathEscape(q.Run)+"/rows/export?"+query(values), nil, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }() // read to its end below
	if _, err := io.Copy(to, res.Body); err != nil {
		return "", fmt.Errorf("reading the file, which is incomplete: %w", err)
	}
	return res.Header.Get("Tapline-Note"), nil
}

// OpenRow returns one row of a run with the person's CleverTap IDs, as it came.
func (c *Client) OpenRow(ctx context.Context, run, ref string) (json.RawMessage, error) {
	var text json.RawMessage
	err := c.doWithin(ctx, 5*time.Minute, http.MethodGet, "/v1/runs/"+url.PathEscape(run)+"/rows/"+url.PathEscape(ref), nil, nil, &text)
	return text, err
}
