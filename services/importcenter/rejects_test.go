package importcenter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

func TestRejects(t *testing.T) {
	t.Parallel()
	c := start(t)
	for n := range 5 {
		c.produce(c.topics.Rejects(), schemas.Reject{
			Stage: schemas.StageMap, Code: []string{"email_invalid", "phone_invalid"}[n%2], Import: "customers",
			Run: "customers.1", ID: fmt.Sprint(n), Row: json.RawMessage(`{"EMAIL":"<a&b>"}`),
		})
	}
	page := c.do("GET", "/v1/rejects?run=customers.1&pageSize=2", "")
	items, _ := page.body["items"].([]any)
	if len(items) != 2 || items[0].(map[string]any)["id"] != "4" {
		t.Fatalf("rejects = %d %s", page.status, page.text)
	}
	next := c.do("GET", "/v1/rejects?run=customers.1&pageSize=9&pageToken="+page.body["nextPageToken"].(string), "")
	if items, _ := next.body["items"].([]any); len(items) != 3 {
		t.Errorf("the page after it = %s", next.text)
	}
	lines := c.do("GET", "/v1/rejects?import=customers&code=phone_invalid", "", "Accept", "application/x-ndjson")
	if n := bytes.Count([]byte(lines.text), []byte("\n")); n != 2 || !strings.Contains(lines.text, `"EMAIL"`) {
		t.Errorf("NDJSON = %s", lines.text)
	}
	for path, says := range map[string]string{
		"/v1/rejects":                                "name the import",
		"/v1/rejects?run=customers":                  "is not a run",
		"/v1/rejects?run=customers.1&import=other":   "not a run of other",
		"/v1/rejects?import=customers&pageToken=abc": "nextPageToken",
	} {
		if a := c.do("GET", path, ""); a.status != http.StatusBadRequest || !strings.Contains(a.text, says) {
			t.Errorf("%s = %d %s", path, a.status, a.text)
		}
	}
	if a := c.do("GET", "/v1/rejects?import=customers&pageToken=999999999999", ""); len(a.body["items"].([]any)) != 5 {
		t.Errorf("a page token beyond the end = %d %s", a.status, a.text)
	}
	for _, path := range []string{"/v1/rejects?import=custmers", "/v1/runs?import=custmers"} {
		if a := c.do("GET", path, ""); a.status != http.StatusNotFound || !strings.Contains(a.text, "no import named custmers") {
			t.Errorf("%s = %d %s, want 404: an empty list would hide a typing mistake", path, a.status, a.text)
		}
	}
	if a := c.do("GET", "/v1/runs?state=done", ""); a.status < 400 || a.status >= 500 {
		t.Errorf("an unknown state = %d %s", a.status, a.text)
	}
}
