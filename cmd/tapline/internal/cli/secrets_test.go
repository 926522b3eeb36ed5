package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestSecretsSet(t *testing.T) {
	t.Parallel()
	var sent string
	url := center(t, map[string]http.HandlerFunc{
		"PUT /v1/secrets/clevertap/main": func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			sent = string(body)
			answer(200, `{"reference":"ref+file:///var/lib/tapline/secrets/clevertap/main"}`)(w, r)
		},
		"PUT /v1/secrets/snowflake/main": answer(404, `{"status":404,"code":"not_found","detail":"this deployment stores no secrets"}`),
	})
	r := tapline(t, "hush-canary\n", "secrets", "set", "main", "--for", "clevertap", "--server", url)
	if r.code != ExitDone || r.out != "ref+file:///var/lib/tapline/secrets/clevertap/main\n" || sent != `{"value":"hush-canary\n"}` {
		t.Errorf("%+v, sent %s", r, sent)
	}
	if strings.Contains(r.out+r.err, "hush-canary") {
		t.Error("the value is shown")
	}
	if r := tapline(t, "hush-canary", "secrets", "set", "main", "--for", "snowflake", "--server", url); r.code != ExitFailed || !strings.Contains(r.err, "stores no secrets") || strings.Contains(r.err, "canary") {
		t.Errorf("without a store: %+v", r)
	}
	if r := tapline(t, "", "secrets", "set", "main", "--for", "kafka", "--server", url); r.code != ExitFailed || !strings.Contains(r.err, "--for is") {
		t.Errorf("another use: %+v", r)
	}
}
