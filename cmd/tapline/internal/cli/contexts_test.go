package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestContexts cannot run beside others: the file lies where the environment says.
func TestContexts(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv(serverEnv, "")
	got := ""
	handlers := map[string]http.HandlerFunc{"GET /v1/imports": func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		answer(200, `{"items":[]}`)(w, r)
	}}
	first, second := center(t, handlers), center(t, handlers)
	if r := tapline(t, "hush-canary\n", "config", "set", "one", "--server", first, "--key"); r.code != ExitDone || strings.Contains(r.out+r.err, "hush-canary") {
		t.Fatalf("set: %+v", r)
	}
	if r := tapline(t, "", "config", "set", "two", "--server", second); r.code != ExitDone {
		t.Fatalf("set: %+v", r)
	}
	info, err := os.Stat(filepath.Join(home, "tapline", "contexts.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info, err)
	}
	asks := func(want string, args ...string) {
		t.Helper()
		got = "nobody was asked"
		if r := tapline(t, "", append([]string{"get", "imports"}, args...)...); r.code != ExitDone || got != want {
			t.Errorf("%v asked with %q, want %q: %+v", args, got, want, r)
		}
	}
	asks("Bearer hush-canary")
	asks("", "--server", second) // the key is for the other
	asks("Bearer mine", "--token", "mine")
	if r := tapline(t, "", "config", "list"); strings.Contains(r.out, "hush-canary") || !strings.Contains(r.out, first) || !strings.Contains(r.out, "kept") {
		t.Errorf("list: %+v", r)
	}
	if r := tapline(t, "", "config", "use", "two"); r.code != ExitDone {
		t.Errorf("use: %+v", r)
	}
	asks("")
	if r := tapline(t, "", "config", "delete", "two"); r.code != ExitDone {
		t.Errorf("delete: %+v", r)
	}
	for name, c := range map[string]struct {
		stdin string
		args  []string
		says  string
	}{
		"no such context": {"", []string{"use", "onee"}, "one"},
		"no server":       {"", []string{"set", "three"}, "--server"},
		"no key":          {"", []string{"set", "three", "--server", first, "--key"}, "one line"},
		"no URL":          {"", []string{"set", "three", "--server", "tapline"}, "is not a URL"},
	} {
		if r := tapline(t, c.stdin, append([]string{"config"}, c.args...)...); r.code != ExitFailed || !strings.Contains(r.err, c.says) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if err := os.WriteFile(filepath.Join(home, "tapline", "contexts.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := tapline(t, "", "get", "imports"); r.code != ExitFailed || !strings.Contains(r.err, "contexts.json") {
		t.Errorf("a file that cannot be read: %+v", r)
	}
	asks("", "--server", second)
}
