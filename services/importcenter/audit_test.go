package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestAudit: changes and reads of rows are written with the actor, the address and the
// request's id, and can be listed. The name that the client gives itself is not used.
func TestAudit(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	applied := c.do("POST", "/v1/apply", `{"documents":[`+connection+","+account+","+customers+`]}`, "Authorization", "Bearer "+admin, "Tapline-Actor", "somebody-else")
	shown := c.as(admin, "GET", "/v1/rejects?import=customers", "")
	if applied.status != http.StatusOK || shown.status != http.StatusOK {
		t.Fatalf("apply = %d, rejects = %d", applied.status, shown.status)
	}
	var page struct{ Items []schemas.AuditEntry }
	list := c.as(admin, "GET", "/v1/audit?name=customers", "")
	if err := json.Unmarshal([]byte(list.text), &page); err != nil || len(page.Items) != 2 {
		t.Fatalf("audit = %d %s", list.status, list.text)
	}
	for i, want := range []struct{ action, request string }{
		{schemas.AuditApply, applied.header.Get("X-Request-Id")}, {schemas.AuditRead, shown.header.Get("X-Request-Id")},
	} {
		e := page.Items[i]
		if e.Action != want.action || e.Actor != "key:admin" || e.Role != "admin" || e.From != "127.0.0.1" || e.RequestID != want.request || want.request == "" {
			t.Errorf("entry %d is %+v, want %+v", i, e, want)
		}
	}
	for query, want := range map[string]int{
		"": 4, "?action=read": 1, "?actor=key:admin": 4, "?actor=somebody-else": 0, "?since=2099-01-01T00:00:00Z": 0,
		"?until=2020-01-01T00:00:00Z": 0, "?pageSize=3": 3, "?since=0262-03-24T19:45:30Z": 4, "?since=1969-12-31T23:59:59.999Z": 4,
	} {
		a := c.as(admin, "GET", "/v1/audit"+query, "")
		if err := json.Unmarshal([]byte(a.text), &page); err != nil || len(page.Items) != want {
			t.Errorf("audit%s = %d with %d entries, want %d: %s", query, a.status, len(page.Items), want, a.text)
		}
	}
	first := c.as(admin, "GET", "/v1/audit?pageSize=3", "")
	rest := c.as(admin, "GET", fmt.Sprintf("/v1/audit?pageSize=3&pageToken=%v", first.body["nextPageToken"]), "")
	if items, _ := rest.body["items"].([]any); len(items) != 1 || rest.body["nextPageToken"] != "" {
		t.Errorf("the second page is %s", rest.text)
	}
	lines := c.do("GET", "/v1/audit", "", "Authorization", "Bearer "+admin, "Accept", ndjson)
	if n := strings.Count(lines.text, "\n"); n != 4 || lines.header.Get("Content-Type") != ndjson {
		t.Errorf("as NDJSON %d lines: %s", n, lines.text)
	}
}

const ndjson = "application/x-ndjson"
