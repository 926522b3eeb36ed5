package importcenter

import (
	"net/http"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

func TestPutAndDelete(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	if a := c.do("PUT", "/v1/imports/other", customers, "If-None-Match", "*"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("PUT under another name = %d %s", a.status, a.text)
	}
	if a := c.do("PUT", "/v1/imports/customers", customers, "If-None-Match", "*"); a.status != http.StatusOK || a.header.Get("ETag") != `"1"` {
		t.Errorf("PUT = %d %s %s", a.status, a.header.Get("ETag"), a.text)
	}
	read := c.do("GET", "/v1/connections/warehouse", "")
	tag := read.header.Get("ETag")
	if a := c.do("DELETE", "/v1/connections/warehouse", "", "If-Match", tag); a.status != http.StatusConflict || !strings.Contains(a.text, "customers") {
		t.Errorf("deleting a connection in use = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", `"1"`); a.status != http.StatusOK {
		t.Errorf("DELETE = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/imports/customers", ""); a.status != http.StatusNotFound || a.body["code"] != "not_found" {
		t.Errorf("GET of a deleted import = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", `"1"`); a.status != http.StatusNotFound {
		t.Errorf("deleting it again = %d %s", a.status, a.text)
	}
	if a := c.do("DELETE", "/v1/connections/warehouse", "", "If-Match", tag); a.status != http.StatusNoContent {
		t.Errorf("deleting a connection not in use = %d %s", a.status, a.text)
	}
	if got := c.log(c.topics.Imports(), schemas.ControlPartition("customers")); len(got) != 2 || got[1] != "customers " {
		t.Errorf("imports topic holds %q, want a definition and a tombstone", got)
	}
}

// TestChangesSayWhichVersion: a change without a condition is refused, and so is one of
// a version that is there no more. Neither writes anything.
func TestChangesSayWhichVersion(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	before := c.written()
	patch := `{"spec":{"priority":3}}`
	for name, r := range map[string]struct {
		method, path, body string
		header             []string
		want               int
	}{
		"PUT without a condition":               {"PUT", "/v1/imports/customers", customers, nil, 428},
		"PATCH without a condition":             {"PATCH", "/v1/imports/customers", patch, nil, 428},
		"DELETE without a condition":            {"DELETE", "/v1/imports/customers?topics=keep", "", nil, 428},
		"PUT of a connection without one":       {"PUT", "/v1/connections/warehouse", connection, nil, 428},
		"PATCH of an account without one":       {"PATCH", "/v1/accounts/clevertap", `{"spec":{"slots":3}}`, nil, 428},
		"DELETE of a connection without one":    {"DELETE", "/v1/connections/warehouse", "", nil, 428},
		"PUT of another version":                {"PUT", "/v1/imports/customers", strings.Replace(customers, "Email", "email", 1), []string{"If-Match", `"7"`}, 412},
		"PATCH of another version":              {"PATCH", "/v1/imports/customers", patch, []string{"If-Match", `"7"`}, 412},
		"DELETE of another version":             {"DELETE", "/v1/imports/customers?topics=keep", "", []string{"If-Match", `"7"`}, 412},
		"a weak ETag":                           {"DELETE", "/v1/imports/customers?topics=keep", "", []string{"If-Match", `W/"1"`}, 412},
		"DELETE of another version of one":      {"DELETE", "/v1/accounts/clevertap", "", []string{"If-Match", `"1"`}, 412},
		"creating what is there":                {"PUT", "/v1/imports/customers", customers, []string{"If-None-Match", "*"}, 412},
		"creating a connection that is there":   {"PUT", "/v1/connections/warehouse", connection, []string{"If-None-Match", "*"}, 412},
		"changing what is not there":            {"PUT", "/v1/imports/orders", strings.Replace(customers, `"customers"`, `"orders"`, 1), []string{"If-Match", `"1"`}, 412},
		"an ETag where only * can stand":        {"PUT", "/v1/imports/customers", customers, []string{"If-None-Match", `"1"`}, 400},
		"a patch that is no object":             {"PATCH", "/v1/imports/customers", `[1]`, []string{"If-Match", `"1"`}, 422},
		"a patch that is nested without end":    {"PATCH", "/v1/imports/customers", strings.Repeat(`{"spec":`, 100) + "1" + strings.Repeat("}", 100), []string{"If-Match", `"1"`}, 422},
		"a patch of the name":                   {"PATCH", "/v1/imports/customers", `{"metadata":{"name":"orders"}}`, []string{"If-Match", `"1"`}, 422},
		"a patch that removes what is needed":   {"PATCH", "/v1/imports/customers", `{"spec":{"identity":null}}`, []string{"If-Match", `"1"`}, 422},
		"a patch of an import that there isn't": {"PATCH", "/v1/imports/orders", patch, []string{"If-Match", `"1"`}, 404},
	} {
		a := c.do(r.method, r.path, r.body, r.header...)
		if a.status != r.want || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s = %d, want %d: %s", name, a.status, r.want, a.text)
		}
		if want := map[int]string{412: "changed_meanwhile", 428: "condition_required"}[r.want]; want != "" && a.body["code"] != want {
			t.Errorf("%s has the code %v", name, a.body["code"])
		}
	}
	for topic, n := range c.written() {
		if n != before[topic] {
			t.Errorf("%s ends at %d, was %d", topic, n, before[topic])
		}
	}
}

// TestTwoPeopleEditAtOnce: both read the same version. The second to write is refused,
// reads again, and then both changes are there.
func TestTwoPeopleEditAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	tag := c.do("GET", "/v1/imports/customers", "").header.Get("ETag")
	answers := make(chan answer, 2)
	for _, patch := range []string{`{"spec":{"priority":3}}`, `{"metadata":{"owner":"growth"}}`} {
		go func() {
			answers <- c.do("PATCH", "/v1/imports/customers", patch, "If-Match", tag, "Content-Type", "application/merge-patch+json")
		}()
	}
	first, second := <-answers, <-answers
	if first.status == http.StatusPreconditionFailed {
		first, second = second, first
	}
	if first.status != http.StatusOK || second.status != http.StatusPreconditionFailed {
		t.Fatalf("the two are answered %d and %d: %s %s", first.status, second.status, first.text, second.text)
	}
	now := c.do("GET", "/v1/imports/customers", "").header.Get("ETag")
	if now != first.header.Get("ETag") || now == tag {
		t.Errorf("the ETag is %s, was %s, and the change answered %s", now, tag, first.header.Get("ETag"))
	}
	for _, patch := range []string{`{"spec":{"priority":3}}`, `{"metadata":{"owner":"growth"}}`} {
		if a := c.do("PATCH", "/v1/imports/customers", patch, "If-Match", now); a.status != http.StatusOK {
			t.Errorf("after reading again: %d %s", a.status, a.text)
		}
		now = c.do("GET", "/v1/imports/customers", "").header.Get("ETag")
	}
	if a := c.do("GET", "/v1/imports/customers", ""); !strings.Contains(a.text, `"priority":3`) || !strings.Contains(a.text, `"owner":"growth"`) {
		t.Errorf("a change is lost: %s", a.text)
	}
}

// TestALostAnswer: a change whose answer was lost is sent again and answered as the
// first time, without a second generation.
func TestALostAnswer(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	changed := strings.Replace(customers, "Email", "email", 1)
	for range 2 {
		if a := c.do("PUT", "/v1/imports/customers", changed, "If-Match", `"1"`); a.status != http.StatusOK || a.header.Get("ETag") != `"2"` {
			t.Errorf("PUT = %d %s %s", a.status, a.header.Get("ETag"), a.text)
		}
	}
	if got := c.log(c.topics.Imports(), schemas.ControlPartition("customers")); len(got) != 2 {
		t.Errorf("imports topic holds %d records, want 2", len(got))
	}
	if a := c.do("PUT", "/v1/imports/customers", customers, "If-Match", `"1"`); a.status != http.StatusPreconditionFailed {
		t.Errorf("another change of the same version = %d %s", a.status, a.text)
	}
}

// TestAResourceOfTheSameNameIsAnotherVersion: an ETag of a deleted resource does not fit
// the one that was created later.
func TestAResourceOfTheSameNameIsAnotherVersion(t *testing.T) {
	t.Parallel()
	c := start(t)
	created := c.do("PUT", "/v1/connections/warehouse", connection, "If-None-Match", "*")
	tag := created.header.Get("ETag")
	if created.status != http.StatusOK || tag == "" {
		t.Fatalf("PUT = %d %s", created.status, created.text)
	}
	if a := c.do("DELETE", "/v1/connections/warehouse", "", "If-Match", tag); a.status != http.StatusNoContent {
		t.Fatalf("DELETE = %d %s", a.status, a.text)
	}
	c.apply(connection)
	if a := c.do("PATCH", "/v1/connections/warehouse", `{"spec":{"role":"R"}}`, "If-Match", tag); a.status != http.StatusPreconditionFailed {
		t.Errorf("PATCH with the ETag of the deleted one = %d %s", a.status, a.text)
	}
	now := c.do("GET", "/v1/connections/warehouse", "").header.Get("ETag")
	a := c.do("PATCH", "/v1/connections/warehouse", `{"spec":{"role":"R"}}`, "If-Match", now)
	if a.status != http.StatusOK || !strings.Contains(a.text, `"role":"R"`) {
		t.Errorf("PATCH = %d %s", a.status, a.text)
	}
	a = c.do("PATCH", "/v1/connections/warehouse", `{"spec":{"role":null}}`, "If-Match", a.header.Get("ETag"))
	if a.status != http.StatusOK || strings.Contains(a.text, `"role"`) {
		t.Errorf("PATCH that removes = %d %s", a.status, a.text)
	}
}
