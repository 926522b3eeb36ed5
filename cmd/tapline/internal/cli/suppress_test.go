package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// suppressServer takes identities and keeps what it was asked.
type suppressServer struct {
	*httptest.Server

	mu    sync.Mutex
	paths []string
	got   []string
}

func newSuppressServer(t *testing.T) *suppressServer {
	t.Helper()
	s := &suppressServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Identities []string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.paths, s.got = append(s.paths, r.URL.String()), append(s.got, body.Identities...)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/check"):
			items := make([]string, len(body.Identities))
			for i, identity := range body.Identities {
				items[i] = `{"suppressed":false}`
				if identity == "zoe@example.com" {
					items[i] = `{"suppressed":true,"since":"2026-11-23T10:00:00Z"}`
				}
			}
			_, _ = fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
		case r.Method == http.MethodGet:
			_, _ = fmt.Fprint(w, `{"account":"main","entries":3,"keys":[{"keyId":"aa","entries":2,"known":true,"newest":true},{"keyId":"bb","entries":1}]}`)
		case len(body.Identities) > 0 && body.Identities[0] == "refused":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprint(w, `{"status":503,"code":"kafka_unavailable","detail":"Kafka does not answer"}`)
		default:
			_, _ = fmt.Fprintf(w, `{"added":%d,"already":0,"removed":%d,"absent":0}`, len(body.Identities), len(body.Identities))
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestSuppress reads identities from everywhere, and puts them into no URL and no
// output.
func TestSuppress(t *testing.T) {
	t.Parallel()
	csv := file(t, "people.csv", "\ufeffID,NAME\n4711,\"Zoë, the first\"\n\n4712,x\n")
	lines := file(t, "people.txt", "zoe@example.com\r\n\n  4711  \n")
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  []string
		says  string
		code  int
	}{
		"arguments":      {"", []string{"add", "4711", "4712"}, []string{"4711", "4712"}, "2 suppressed in main", ExitDone},
		"standard in":    {"4711\n4712", []string{"add"}, []string{"4711", "4712"}, "2 suppressed in main", ExitDone},
		"a file":         {"", []string{"remove", "--file", lines}, []string{"zoe@example.com", "4711"}, "2 released in main", ExitDone},
		"a CSV file":     {"", []string{"add", "--file", csv, "--column", "ID"}, []string{"4711", "4712"}, "2 suppressed", ExitDone},
		"no such column": {"", []string{"add", "--file", csv, "--column", "id"}, nil, "no column id; it has ID, NAME", ExitFailed},
		"nothing":        {"\n\n", []string{"add"}, nil, "there is no identity", ExitFailed},
		"both":           {"", []string{"add", "1", "--file", lines}, nil, "not both", ExitFailed},
		"no such file":   {"", []string{"add", "--file", "/nowhere/at/all"}, nil, "no such file", ExitFailed},
		"refused":        {"refused\n", []string{"add"}, []string{"refused"}, "identities 1 to 1 were not taken", ExitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSuppressServer(t)
			r := tapline(t, c.stdin, append([]string{"suppress", c.args[0], "--server", s.URL, "--account", "main"}, c.args[1:]...)...)
			if r.code != c.code || !strings.Contains(r.err, c.says) || fmt.Sprint(s.got) != fmt.Sprint(c.want) {
				t.Errorf("%+v; the server got %v, want %v", r, s.got, c.want)
			}
			if strings.Contains(r.out+r.err+strings.Join(s.paths, ""), "zoe") {
				t.Errorf("an identity shows: %+v, %v", r, s.paths)
			}
		})
	}
}

func TestSuppressCheckAndList(t *testing.T) {
	t.Parallel()
	s := newSuppressServer(t)
	r := tapline(t, "nobody\nzoe@example.com\n", "suppress", "check", "--server", s.URL, "--account", "main")
	if r.code != ExitDone || strings.Contains(r.out, "zoe") || !strings.Contains(r.out, "no") || !strings.Contains(r.out, "yes") || !strings.Contains(r.out, "2026-11-23") {
		t.Errorf("check = %+v", r)
	}
	r = tapline(t, "", "suppress", "list", "--server", s.URL, "--account", "main")
	if r.code != ExitDone || !strings.Contains(r.out, "newest") || !strings.Contains(r.out, "missing") {
		t.Errorf("list = %+v", r)
	}
}

// TestSuppressInBulk: many identities go in few requests, none is lost and none is
// sent twice.
func TestSuppressInBulk(t *testing.T) {
	t.Parallel()
	const n = 100_000
	s := newSuppressServer(t)
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "user-%d\n", i)
	}
	r := tapline(t, all.String(), "suppress", "add", "--server", s.URL, "--account", "main", "-f", "-")
	if r.code != ExitDone || len(s.got) != n || s.got[n-1] != fmt.Sprintf("user-%d", n-1) || len(s.paths) > 30 {
		t.Errorf("%+v; %d identities in %d requests", r, len(s.got), len(s.paths))
	}
}

func TestSuppressKey(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "key")
	read := func() string {
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if r := tapline(t, "", "suppress", "key", "--out", out); r.code != ExitDone || strings.Contains(r.out+r.err, strings.TrimSpace(read())) {
		t.Errorf("key = %+v", r)
	}
	info, err := os.Stat(out)
	if err != nil || info.Mode().Perm() != 0o600 || len(read()) != 65 {
		t.Errorf("the file is %v, %v", info, err)
	}
	before := read()
	if r := tapline(t, "", "suppress", "key", "--out", out); r.code != ExitDone || read() != before {
		t.Errorf("a second time = %+v", r)
	}
}
