package importcenter

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestSecretsAreWriteOnly searches answers and topics for a stored secret.
func TestSecretsAreWriteOnly(t *testing.T) {
	t.Parallel()
	const canary = "hush-canary-5d1f"
	dir := filepath.Join(t.TempDir(), "store")
	c := startWithKeys(t, func(cfg *Config) { cfg.Secrets.Store = dir })
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	editor := c.writeKey("editor", schemas.AccessKeySpec{Role: "editor"})
	if a := c.as(editor, "PUT", "/v1/secrets/clevertap/main", `{"value":"`+canary+`"}`); a.status != http.StatusForbidden {
		t.Errorf("an editor = %d %s", a.status, a.text)
	}
	a := c.as(admin, "PUT", "/v1/secrets/clevertap/main", `{"value":"`+canary+`"}`)
	if a.status != http.StatusOK || a.body["reference"] != "ref+file://"+dir+"/clevertap/main" {
		t.Fatalf("stored = %d %s", a.status, a.text)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "clevertap", "main")); err != nil || string(text) != canary {
		t.Errorf("the file holds %q, %v", text, err)
	}
	shown := a.text
	for name, r := range map[string]struct {
		path, body string
		want       int
	}{
		"two lines":      {"clevertap/main", `{"value":"` + canary + `\nx"}`, 422},
		"no value":       {"clevertap/main", `{}`, 422},
		"another key":    {"clevertap/main", `{"value":"` + canary + `","other":1}`, 422},
		"no text":        {"clevertap/main", `{"value":["` + canary + `"]}`, 422},
		"no JSON":        {"clevertap/main", `{"value":"` + canary, 400},
		"another use":    {"kafka/main", `{"value":"` + canary + `"}`, 422},
		"a path":         {"clevertap/..%2F..%2Fmain", `{"value":"` + canary + `"}`, 422},
		"a capital name": {"clevertap/MAIN", `{"value":"` + canary + `"}`, 422},
		"too much":       {"clevertap/main", `{"value":"` + canary + strings.Repeat("x", 200<<10) + `"}`, 413},
		"over the bound": {"clevertap/main", `{"value":"` + canary + strings.Repeat("x", 64<<10) + `"}`, 422},
	} {
		a := c.as(admin, "PUT", "/v1/secrets/"+r.path, r.body)
		if a.status != r.want {
			t.Errorf("%s = %d, want %d: %.300s", name, a.status, r.want, a.text)
		}
		if strings.Contains(a.text, canary) {
			t.Errorf("%s: the answer holds the secret: %.300s", name, a.text)
		}
	}
	audit := c.as(admin, "GET", "/v1/audit", "").text
	if !strings.Contains(audit, `"kind":"Secret","name":"clevertap/main"`) || strings.Count(audit, `"kind":"Secret"`) != 1 {
		t.Errorf("the audit has %s, want what was stored, once", audit)
	}
	for p := range int32(schemas.ControlPartitions) {
		for _, topic := range []string{c.topics.Resources(), c.topics.Audit(), c.topics.Imports(), c.topics.Commands()} {
			if p == 0 || topic == c.topics.Imports() || topic == c.topics.Commands() {
				shown += strings.Join(c.log(topic, p), "\n")
			}
		}
	}
	if strings.Contains(shown+audit, canary) {
		t.Error("an answer or a topic holds the secret")
	}
}

func TestNoStore(t *testing.T) {
	t.Parallel()
	c := start(t)
	if a := c.do("PUT", "/v1/secrets/clevertap/main", `{"value":"x"}`); a.status != http.StatusNotFound || !strings.Contains(a.text, "secrets.store") {
		t.Errorf("without a store = %d %s", a.status, a.text)
	}
	for _, bad := range []string{"secrets", "/"} {
		cfg := DefaultConfig()
		cfg.Secrets.Store = bad
		if err := cfg.Secrets.Validate(); err == nil {
			t.Errorf("the store %q is taken", bad)
		}
	}
}

// TestStoredSecretsAreListedAndDeleted: names only, and nothing that is used is deleted.
func TestStoredSecretsAreListedAndDeleted(t *testing.T) {
	t.Parallel()
	const canary = "hush-canary-77aa"
	dir := filepath.Join(t.TempDir(), "store")
	c := startWithKeys(t, func(cfg *Config) { cfg.Secrets.Store = dir })
	admin, editor := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"}), c.writeKey("editor", schemas.AccessKeySpec{Role: "editor"})
	if a := c.as(admin, "GET", "/v1/secrets", ""); a.status != http.StatusOK || !strings.Contains(a.text, `"items":[]`) {
		t.Errorf("an empty store = %d %s", a.status, a.text)
	}
	for _, name := range []string{"clevertap/main", "clevertap/old", "snowflake/main"} {
		if a := c.as(admin, "PUT", "/v1/secrets/"+name, `{"value":"`+canary+`"}`); a.status != http.StatusOK {
			t.Fatalf("storing %s = %d %s", name, a.status, a.text)
		}
	}
	c.put(schemas.KindCleverTapAccount, "ct", []byte(`{"accountId":"a","passcode":"ref+file://`+dir+`/clevertap/main"}`))
	list := c.as(admin, "GET", "/v1/secrets", "")
	if list.status != http.StatusOK || strings.Contains(list.text, canary) || strings.Count(list.text, `"storedAt"`) != 3 ||
		!strings.Contains(list.text, `"usedBy":["CleverTapAccount/ct"]`) {
		t.Errorf("the list = %d %s", list.status, list.text)
	}
	for _, r := range []struct {
		key, method, path string
		want              int
	}{
		{editor, "GET", "/v1/secrets", 403}, {editor, "DELETE", "/v1/secrets/clevertap/old", 403},
		{admin, "DELETE", "/v1/secrets/clevertap/main", 409}, {admin, "DELETE", "/v1/secrets/clevertap/none", 404},
		{admin, "DELETE", "/v1/secrets/clevertap/..%2Fsnowflake%2Fmain", 422},
		{admin, "DELETE", "/v1/secrets/clevertap/old", 204}, {admin, "DELETE", "/v1/secrets/clevertap/old", 404},
	} {
		if a := c.as(r.key, r.method, r.path, ""); a.status != r.want {
			t.Errorf("%s %s = %d, want %d: %s", r.method, r.path, a.status, r.want, a.text)
		}
	}
	for name, there := range map[string]bool{"clevertap/main": true, "clevertap/old": false, "snowflake/main": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	if audit := c.as(admin, "GET", "/v1/audit?action=delete", "").text; strings.Count(audit, `"kind":"Secret"`) != 1 || !strings.Contains(audit, `"name":"clevertap/old"`) {
		t.Errorf("the audit is %s", audit)
	}
}
