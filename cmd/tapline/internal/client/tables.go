package client

import (
	"context"
	"net/http"
	"net/url"

	"tapline.dev/schemas"
)

// TablesQuery selects what of a connection is listed; see the API's parameters.
type TablesQuery struct {
	Level, Database, Schema, Table, Token string
	Size                                  int
}

// Tables is a page of what a connection sees.
type Tables struct {
	List[schemas.Table]
	Incomplete string `json:"incomplete,omitempty"`
}

// Tables has the extractor list what a connection sees.
func (c *Client) Tables(ctx context.Context, connection string, q TablesQuery) (Tables, error) {
	var out Tables
	return out, c.doWithin(ctx, previewTimeout, http.MethodGet, "/v1/connections/"+url.PathEscape(connection)+"/tables?"+query(map[string]string{
		"level": q.Level, "database": q.Database, "schema": q.Schema, "table": q.Table, "pageSize": size(q.Size), "pageToken": q.Token,
	}), nil, nil, &out)
}
