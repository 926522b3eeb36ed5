package importcenter

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestTables(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.PreviewTimeout = 10 * time.Second })
	after := schemas.TablePlace{Database: "SHOP", Schema: "PUBLIC", Name: "A"}
	o := &oracle{answers: map[string]schemas.Report{"warehouse": {Kind: schemas.ReportTables, Tables: &schemas.TableList{
		Items: []schemas.Table{{TablePlace: after, Kind: "TABLE"}}, Next: &after, Incomplete: "there is more",
	}}}}
	o.listen(t, c)
	c.apply(connection)
	const path = "/v1/connections/warehouse/tables"
	first := c.do("GET", path+"?database=SHOP&schema=PUBLIC&table=A*&pageSize=1", "")
	var page struct {
		Items         []schemas.Table
		NextPageToken string
		Incomplete    string
	}
	if err := json.Unmarshal([]byte(first.text), &page); err != nil || first.status != http.StatusOK || page.NextPageToken == "" {
		t.Fatalf("the first page: %d %s (%v)", first.status, first.text, err)
	}
	if diff := cmp.Diff([]schemas.Table{{TablePlace: after, Kind: "TABLE"}}, page.Items); diff != "" || page.Incomplete != "there is more" {
		t.Errorf("%s (-want +got):\n%s", page.Incomplete, diff)
	}
	if next := c.do("GET", path+"?level=schema&pageToken="+url.QueryEscape(page.NextPageToken), ""); next.status != http.StatusOK {
		t.Errorf("the next page: %d %s", next.status, next.text)
	}
	var asked []schemas.TablesQuery
	for _, cmd := range o.commands() {
		asked = append(asked, *cmd.Tables)
	}
	want := []schemas.TablesQuery{
		{Level: schemas.LevelTable, Database: "SHOP", Schema: "PUBLIC", Name: "A*", Rows: 1},
		{Level: schemas.LevelSchema, Rows: 200, After: &after},
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	refused := schemas.Report{Kind: schemas.ReportAbandoned, Abandoned: &schemas.Abandoned{Code: "snowflake_auth", Reason: "Snowflake refused the key pair", Permanent: true}}
	o.mu.Lock()
	o.answers["warehouse"] = refused
	o.mu.Unlock()
	for query, want := range map[string]struct {
		status int
		text   string
	}{
		"":                  {http.StatusUnprocessableEntity, "Snowflake refused the key pair"},
		"?schema=PUBLIC":    {http.StatusBadRequest, "schema needs database"},
		"?pageToken=x":      {http.StatusBadRequest, "nextPageToken of the page before"},
		"?pageToken=bnVsbA": {http.StatusBadRequest, "nextPageToken of the page before"}, // null
		"?level=row":        {http.StatusUnprocessableEntity, ""},
		"?pageSize=1001":    {http.StatusUnprocessableEntity, ""},
	} {
		if got := c.do("GET", path+query, ""); got.status != want.status || !strings.Contains(got.text, want.text) {
			t.Errorf("%s = %d %s, want %d %q", query, got.status, got.text, want.status, want.text)
		}
	}
	if got := c.do("GET", "/v1/connections/nowhere/tables", ""); got.status != http.StatusNotFound {
		t.Errorf("a connection that is not there: %d %s", got.status, got.text)
	}
}
