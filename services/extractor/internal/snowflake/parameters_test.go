package snowflake

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestEveryResultParameterIsSent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.open()
	sent, _ := s.logins[0]["SESSION_PARAMETERS"].(map[string]any)
	for name, want := range results {
		if got := toText(sent[name]); !strings.EqualFold(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range readBack {
		if _, ok := results[name]; !ok {
			t.Errorf("%s is read back and not sent", name)
		}
	}
}

func TestASessionWithOtherParametersIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shows map[string]string
		want  string
	}{
		"as asked":                    {shows: map[string]string{"ROWS_PER_RESULTSET": "0", "TIMEZONE": "UTC", "QUOTED_IDENTIFIERS_IGNORE_CASE": "FALSE", "LOCK_TIMEOUT": "43200"}},
		"the result is cut":           {shows: map[string]string{"ROWS_PER_RESULTSET": "7"}, want: "ROWS_PER_RESULTSET"},
		"another zone":                {shows: map[string]string{"timezone": "America/Los_Angeles"}, want: "TIMEZONE"},
		"weeks begin elsewhere":       {shows: map[string]string{"WEEK_START": "1"}, want: "WEEK_START"},
		"a server without parameters": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.shows = c.shows
			session, err := Open(t.Context(), testConfig(), s.connection(), Tag{Import: "customers"})
			if session != nil {
				defer session.Close()
			}
			var refused *Error
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (!errors.As(err, &refused) || refused.Code != CodeConnection || !strings.Contains(refused.Reason, c.want)):
				t.Errorf("opened with %v, want it refused for %s", err, c.want)
			}
		})
	}
}

// TestTheDocumentListsTheParameters: the page says of every parameter that is sent
// that it is set, and to what.
func TestTheDocumentListsTheParameters(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/session-parameters.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_0-9]+)` \\| `([^`]*)` \\|").FindAllStringSubmatch(string(page), -1) {
		said[m[1]] = m[2]
	}
	sent, err := parameters(Config{StatementTimeout: time.Hour, QueuedTimeout: time.Hour, ChunkMegabytes: 16}, Tag{})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range sent {
		name := strings.ToUpper(name)
		got, ok := said[name]
		if _, fixed := results[name]; !ok || fixed && got != value {
			t.Errorf("docs/session-parameters.md says %q of %s, which is sent as %q", got, name, value)
		}
		delete(said, name)
	}
	for name := range said {
		t.Errorf("docs/session-parameters.md says that %s is set, and it is not", name)
	}
}
