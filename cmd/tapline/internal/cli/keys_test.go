package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

func TestBootstrap(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topics := schemas.NewTopics(cfg.Prefix)
	if _, err := kafka.ApplyTopics(t.Context(), cfg, kafkatest.Deps(), topics.Catalogue()); err != nil {
		t.Fatal(err)
	}
	config := file(t, "config.yaml", "kafka: {brokers: ["+cfg.Brokers[0]+"], prefix: "+cfg.Prefix+"}\n")
	out := filepath.Join(t.TempDir(), "admin")
	run := func(args ...string) result {
		return tapline(t, "", append([]string{"keys", "bootstrap", "--config", config}, args...)...)
	}
	hash := func() string {
		resources, err := readTable(t.Context(), cfg, topics.Resources(), 1)
		if err != nil {
			t.Fatal(err)
		}
		var r schemas.Resource
		var spec schemas.AccessKeySpec
		if json.Unmarshal(resources["AccessKey/bootstrap"], &r) != nil || json.Unmarshal(r.Spec, &spec) != nil || spec.Role != "admin" {
			t.Fatalf("the resource is %s", resources["AccessKey/bootstrap"])
		}
		return spec.Hash
	}

	if r := run("--out", out); r.code != ExitDone || strings.Contains(r.out+r.err, schemas.AccessKeyPrefix) {
		t.Fatalf("bootstrap = %+v", r)
	}
	text, err := os.ReadFile(out)
	if got, ok := schemas.HashAccessKey(strings.TrimSpace(string(text))); err != nil || !ok || got != hash() {
		t.Fatalf("the file holds another key than Kafka knows: %v", err)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	before := hash()
	if r := run("--out", out); r.code != ExitDone || hash() != before || !strings.Contains(r.err, "nothing was done") {
		t.Errorf("a second time = %+v", r)
	}
	if r := run(); r.code != ExitFailed || hash() != before || !strings.Contains(r.err, "--replace") {
		t.Errorf("without the file = %+v", r)
	}
	if r := run("--replace"); r.code != ExitDone || hash() == before || !strings.HasPrefix(r.out, schemas.AccessKeyPrefix) {
		t.Errorf("replaced = %+v", r)
	}
	if r := run("--out", filepath.Join(out, "nowhere"), "--name", "second"); r.code != ExitFailed {
		t.Errorf("into a file that cannot be = %+v", r)
	}
	if resources, _ := readTable(t.Context(), cfg, topics.Resources(), 1); len(resources) != 1 {
		t.Error("a key counts that nobody has")
	}
}

// TestCredential: the flag, the variable and the file, and what is sent of them.
func TestCredential(t *testing.T) {
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header.Get("Authorization")
		_, _ = w.Write([]byte(`{"items":[]}`))
	}))
	t.Cleanup(server.Close)
	ask := func(want string, args ...string) {
		t.Helper()
		if r := tapline(t, "", append([]string{"keys", "list", "--server", server.URL}, args...)...); r.code != ExitDone || sent != want {
			t.Errorf("%v: %+v, sent %q, want %q", args, r, sent, want)
		}
	}
	t.Setenv(tokenEnv, "")
	t.Setenv(tokenFileEnv, "")
	ask("")
	t.Setenv(tokenFileEnv, file(t, "key", "tapline_file\n"))
	ask("Bearer tapline_file")
	t.Setenv(tokenEnv, "tapline_variable\n")
	ask("Bearer tapline_variable")
	ask("Bearer tapline_flag", "--token", "tapline_flag")
	t.Setenv(tokenEnv, "")
	t.Setenv(tokenFileEnv, "/nowhere/key")
	if r := tapline(t, "", "keys", "list", "--server", server.URL); r.code != ExitFailed || !strings.Contains(r.err, tokenFileEnv) {
		t.Errorf("a file that is not there: %+v", r)
	}
}

// TestKeysCommands: what is asked of the API for each command.
func TestKeysCommands(t *testing.T) {
	t.Parallel()
	var asked, body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RequestURI()
		text := make([]byte, 4096)
		n, _ := r.Body.Read(text)
		body = string(text[:n])
		switch {
		case r.Method == http.MethodPost:
			_, _ = w.Write([]byte(`{"name":"ci","role":"operator","key":"tapline_secret"}`))
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case strings.HasPrefix(r.URL.Path, "/v1/audit"):
			_, _ = w.Write([]byte(`{"actor":"key:ci","action":"read","kind":"preview","name":"customers","time":"2026-11-28T09:00:00Z"}` + "\n"))
		default:
			_, _ = w.Write([]byte(`{"items":[{"name":"ci","role":"operator","selector":{"names":["orders-*"],"labels":{"team":"crm"}},"expiresAt":"2026-01-01T00:00:00Z","expired":true}]}`))
		}
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		args              []string
		asked, body, says string
	}{
		{[]string{"keys", "create", "ci", "--role", "operator", "--expires", "never", "--import", "orders-*", "--label", "team=crm"}, "POST /v1/keys",
			`{"name":"ci","role":"operator","selector":{"names":["orders-*"],"labels":{"team":"crm"}}}`, "tapline_secret\n"},
		{[]string{"keys", "revoke", "ci"}, "DELETE /v1/keys/ci", "", ""},
		{[]string{"access", "list"}, "GET /v1/keys", "", "orders-* team=crm"},
		{[]string{"audit", "--since", "2026-11-28", "--actor", "key:ci", "-o", "ndjson"}, "GET /v1/audit?actor=key%3Aci&since=2026-11-28T00%3A00%3A00Z", "", `"kind":"preview"`},
		{[]string{"audit"}, "GET /v1/audit?", "", "customers"},
	} {
		r := tapline(t, "", append(c.args, "--server", server.URL)...)
		if r.code != ExitDone || asked != c.asked || strings.TrimSpace(body) != c.body || !strings.Contains(r.out, c.says) {
			t.Errorf("%v: %+v\nasked %s %s", c.args, r, asked, body)
		}
	}
	for _, args := range [][]string{
		{"keys", "create", "ci"}, {"keys", "create", "ci", "--role", "viewer", "--expires", "soon"},
		{"keys", "create", "ci", "--role", "viewer", "--label", "crm"}, {"audit", "--since", "yesterday"}, {"audit", "-o", "yaml"},
	} {
		if r := tapline(t, "", append(args, "--server", server.URL)...); r.code != ExitFailed || r.err == "" {
			t.Errorf("%v: %+v", args, r)
		}
	}
}
