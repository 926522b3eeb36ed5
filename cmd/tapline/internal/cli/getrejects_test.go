package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRejectsNameTheirGroupsFirst: on standard error, so that what reads the rows is not
// disturbed, and not for programs; without the counts the rows are listed all the same.
func TestRejectsNameTheirGroupsFirst(t *testing.T) {
	t.Parallel()
	counts := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v1/rejects/counts" {
			w.WriteHeader(counts)
			_, _ = io.WriteString(w, `{"complete":true,"total":40000,"groups":2,"items":[
				{"count":39000,"code":"phone_invalid","column":"PHONE","shape":"12 digits","action":"Set defaultRegion."},
				{"count":1000,"code":"email_invalid","column":"EMAIL","shape":"contains \"@@\"","action":"Correct it."}]}`)
			return
		}
		_, _ = io.WriteString(w, `{"complete":true,"items":[{"stage":"map","code":"phone_invalid","column":"PHONE","import":"customers","run":"customers.1","id":"1.1.7","time":"2026-11-01T00:00:00Z"}]}`)
	}))
	defer server.Close()
	r := tapline(t, "", "get", "rejects", "--import", "customers", "--server", server.URL)
	if r.code != ExitDone || !strings.Contains(r.err, "40,000 rejects in 2 groups") || !strings.Contains(r.err, "39,000 phone_invalid, column PHONE, values 12 digits: Set defaultRegion.") ||
		strings.Contains(r.out, "39,000") || !strings.Contains(r.out, "phone_invalid") {
		t.Errorf("%+v", r)
	}
	if r := tapline(t, "", "get", "rejects", "--import", "customers", "--server", server.URL, "-o", "json"); r.code != ExitDone || strings.Contains(r.err, "groups") {
		t.Errorf("for a program: %+v", r)
	}
	counts = http.StatusServiceUnavailable
	if r := tapline(t, "", "get", "rejects", "--import", "customers", "--server", server.URL); r.code != ExitDone || !strings.Contains(r.out, "phone_invalid") {
		t.Errorf("without counts: %+v", r)
	}
}
