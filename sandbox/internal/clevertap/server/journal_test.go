package server

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/sandbox/internal/clevertap/account"
)

// journalled is a server that journals to path.
func journalled(t *testing.T, path string) *Server {
	t.Helper()
	s := New(account.Config{AccountID: "a", Passcode: "p", Slots: 15, RecordsPerUpload: 1000, MaxBodyBytes: 1 << 20, EventProperties: 100, Store: true, History: 8, Requests: 10})
	if err := s.Restore(path); err != nil {
		t.Fatal(err)
	}
	return s
}

func send(t *testing.T, s *Server, records ...string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/1/upload", strings.NewReader(`{"d":[`+strings.Join(records, ",")+`]}`))
	r.Header.Set("X-CleverTap-Account-Id", "a")
	r.Header.Set("X-CleverTap-Passcode", "p")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Body.String()
}

func dumps(t *testing.T, s *Server) string {
	t.Helper()
	var out strings.Builder
	for _, path := range []string{"/sandbox/v1/profiles", "/sandbox/v1/events", "/sandbox/v1/history?identity=1"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Header.Set("Accept", "application/x-ndjson")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		out.WriteString(w.Body.String())
	}
	return out.String()
}

const (
	zoe      = `{"type":"profile","identity":"1","profileData":{"Name":"Zoë","tags":{"$add":["x"]}}}`
	broken   = `{"type":"profile","identity":"2","profileData":{"Email":"nowhere"}}`
	purchase = `{"type":"event","identity":"1","ts":852120000,"evtName":"Purchase","evtData":{"Amount":29.30}}`
	timeless = "{\"type\":\"event\",\n\"identity\":\"3\",\"evtName\":\"Seen\",\"evtData\":{}}"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	first := journalled(t, path)
	send(t, first, zoe, broken, purchase)
	send(t, first, broken)
	send(t, first, timeless, purchase, zoe)
	want := dumps(t, first)
	if strings.Count(want, "Purchase") < 2 || !strings.Contains(want, "29.30") {
		t.Fatalf("the first server holds %s", want)
	}
	if err := first.CloseJournal(); err != nil {
		t.Fatal(err)
	}

	second := journalled(t, path)
	if diff := cmp.Diff(want, dumps(t, second)); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	if before, after := first.Stats(), second.Stats(); before.Records != after.Records || before.Duplicates != after.Duplicates {
		t.Errorf("after a restart %d records and %d duplicates, before %d and %d", after.Records, after.Duplicates, before.Records, before.Duplicates)
	}
	send(t, second, purchase)
	more := dumps(t, second)
	if err := second.CloseJournal(); err != nil {
		t.Fatal(err)
	}
	if got := dumps(t, journalled(t, path)); got != more {
		t.Errorf("after another restart %s, want %s", got, more)
	}
}

func TestJournalCutOffAndReset(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	s := journalled(t, path)
	send(t, s, zoe)
	want := dumps(t, s)
	send(t, s, purchase)
	if err := s.CloseJournal(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	s = journalled(t, path)
	if got := dumps(t, s); got != want {
		t.Errorf("after a kill %s, want %s", got, want)
	}
	s.reset(httptest.NewRecorder(), nil)
	send(t, s, timeless)
	want = dumps(t, s)
	if err := s.CloseJournal(); err != nil {
		t.Fatal(err)
	}
	if got := dumps(t, journalled(t, path)); got != want {
		t.Errorf("after a reset and a restart %s, want %s", got, want)
	}
	if err := os.WriteFile(path, []byte("no journal\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := New(account.Config{}).Restore(path); err == nil {
		t.Error("a file that is no journal is taken for one")
	}
}
