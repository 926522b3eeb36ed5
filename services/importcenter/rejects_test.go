package importcenter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

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

// TestRejectsInGroups counts, pages both ways and exports what lies in the topic.
func TestRejectsInGroups(t *testing.T) {
	t.Parallel()
	c := start(t)
	for n := range 6 {
		c.produce(c.topics.Rejects(), schemas.Reject{
			Stage: schemas.StageMap, Code: []string{"email_invalid", "phone_invalid", "email_invalid"}[n%3], Column: "EMAIL", Import: "customers",
			Run: "customers.1", ID: fmt.Sprint(n), Reason: "=1+1", Row: json.RawMessage(`{"EMAIL":"ann@@example.com"}`), Time: time.Date(2026, 11, 30, n, 0, 0, 0, time.UTC),
		})
	}
	counts := c.do("GET", "/v1/rejects/counts?import=customers", "")
	if counts.body["total"] != 6.0 || counts.body["complete"] != true || !strings.Contains(counts.text, `"shape":"contains \"@@\"","count":4`) || strings.Contains(counts.text, "ann") {
		t.Errorf("counts = %d %s", counts.status, counts.text)
	}
	days := c.do("GET", "/v1/rejects/counts?by=import,day,state&since=2026-11-30T04:00:00Z", "")
	if !strings.Contains(days.text, `"import":"customers","day":"2026-11-30","state":"open","count":2`) {
		t.Errorf("counts by day = %d %s", days.status, days.text)
	}
	oldest := c.do("GET", "/v1/rejects?import=customers&order=oldest&pageSize=4", "")
	if items, _ := oldest.body["items"].([]any); len(items) != 4 || items[0].(map[string]any)["id"] != "0" || items[0].(map[string]any)["state"] != "open" {
		t.Fatalf("the oldest = %d %s", oldest.status, oldest.text)
	}
	rest := c.do("GET", "/v1/rejects?import=customers&order=oldest&pageToken="+oldest.body["nextPageToken"].(string), "")
	if items, _ := rest.body["items"].([]any); len(items) != 2 || items[1].(map[string]any)["id"] != "5" || rest.body["nextPageToken"] != "" {
		t.Errorf("the page after them = %d %s", rest.status, rest.text)
	}
	csv := c.do("GET", "/v1/rejects/export?import=customers&format=csv&bom=true&code=phone_invalid", "")
	if !strings.HasPrefix(csv.text, "\uFEFFref,time,") || strings.Count(csv.text, "\r\n") != 3 || !strings.Contains(csv.text, ",'=1+1,") {
		t.Errorf("CSV = %d %q", csv.status, csv.text)
	}
	parquet := c.do("GET", "/v1/rejects/export?run=customers.1&format=parquet", "")
	if !strings.HasPrefix(parquet.text, "PAR1") || !strings.HasSuffix(parquet.text, "PAR1") {
		t.Errorf("Parquet = %d, %d bytes", parquet.status, len(parquet.text))
	}
	for path, says := range map[string]string{
		"/v1/rejects/counts?import=custmers":                         "no import named custmers",
		"/v1/rejects/export?import=customers&format=ndjson&bom=true": "format=csv",
		"/v1/rejects/export":                                         "name the import",
		"/v1/rejects?import=customers&order=oldest&pageToken=abc":    "nextPageToken",
		"/v1/rejects/counts?import=customers&by=identity":            "by",
	} {
		if a := c.do("GET", path, ""); a.status < 400 || a.status >= 500 || !strings.Contains(a.text, says) {
			t.Errorf("%s = %d %s", path, a.status, a.text)
		}
	}
	c.apply(connection, account, customers)
	if a := c.do("GET", "/v1/rejects?import=customers&code=emial_invalid", ""); a.status != http.StatusNotFound || !strings.Contains(a.text, "did you mean email_invalid?") {
		t.Errorf("a misspelt code = %d %s", a.status, a.text)
	}
}

// TestAReaderWhoGoesAway: an export whose reader goes away ends at once, and what was read of
// it does not pass for the whole.
func TestAReaderWhoGoesAway(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	const n = 3000
	row := []byte(`{"EMAIL":"` + strings.Repeat("x", 10_000) + `"}`)
	for range n / 500 {
		var some []any
		for range 500 {
			some = append(some, schemas.Reject{Stage: schemas.StageMap, Code: "email_invalid", Column: "EMAIL", Import: "customers", Run: "customers.1", Attempt: 1, Row: row})
		}
		c.produce(c.topics.Rejects(), some...)
	}
	eventually(t, func() bool {
		a := c.do("GET", "/v1/rejects/counts?import=customers", "")
		return a.body["total"] == float64(n) && a.body["complete"] == true
	})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/v1/rejects/export?import=customers&format=csv", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.CopyN(io.Discard, res.Body, 100_000); err != nil {
		t.Fatal(err)
	}
	leave()
	if rest, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("the file ends after %d bytes as if it were whole", 100_000+rest)
	}
	eventually(t, func() bool {
		stacks := make([]byte, 8<<20)
		return !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("writeExport"))
	})
}
