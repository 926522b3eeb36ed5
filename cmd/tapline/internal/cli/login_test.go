package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLogin goes through the device flow against a provider that lets the person
// take their time, renews what ends, and forgets it.
func TestLogin(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv(tokenEnv, "")
	t.Setenv(tokenFileEnv, "")
	polls, lasts := 0, 1 // seconds that a token lasts
	var sent string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer := ""
		switch r.URL.Path {
		case "/v1/sign-in":
			answer = fmt.Sprintf(`{"keys":true,"oidc":{"issuer":%q,"clientId":"tapline-cli","scopes":["openid"]}}`, server.URL)
		case "/.well-known/openid-configuration":
			answer = fmt.Sprintf(`{"device_authorization_endpoint":"%[1]s/device","token_endpoint":"%[1]s/token"}`, server.URL)
		case "/device":
			answer = fmt.Sprintf(`{"device_code":"d","user_code":"ABCD-EFGH","verification_uri":"%s/enter","expires_in":60,"interval":1}`, server.URL)
		case "/token":
			polls++
			if r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == "again" {
				answer = fmt.Sprintf(`{"access_token":"a","token_type":"Bearer","id_token":"renewed-%d","refresh_token":"again","expires_in":%d}`, polls, lasts)
				break
			}
			if polls == 1 {
				w.WriteHeader(http.StatusBadRequest)
				answer = `{"error":"authorization_pending"}`
				break
			}
			answer = fmt.Sprintf(`{"access_token":"a","token_type":"Bearer","id_token":"first","refresh_token":"again","expires_in":%d}`, lasts)
		case "/v1/caller":
			sent = r.Header.Get("Authorization")
			answer = `{"name":"oidc:maya","role":"editor","by":"oidc"}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(server.Close)
	at := []string{"--server", server.URL}
	r := tapline(t, "", append(at, "login")...)
	if r.code != ExitDone || !strings.Contains(r.err, "ABCD-EFGH") || !strings.Contains(r.err, "oidc:maya") || sent != "Bearer first" || strings.Contains(r.out+r.err, "first") {
		t.Fatalf("login = %+v, sent %q", r, sent)
	}
	info, err := os.Stat(filepath.Join(home, "tapline", "logins.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("what is kept: %v, %v", info, err)
	}
	lasts = 3600
	for range 2 { // it ends within the minute, so that it is renewed once
		if r := tapline(t, "", append(at, "access", "whoami")...); r.code != ExitDone || sent != "Bearer renewed-3" {
			t.Errorf("whoami = %+v, sent %q", r, sent)
		}
	}
	if r := tapline(t, "", append(at, "logout")...); r.code != ExitDone {
		t.Errorf("logout = %+v", r)
	}
	if r := tapline(t, "", append(at, "access", "whoami")...); r.code != ExitDone || sent != "" {
		t.Errorf("after it %+v, sent %q", r, sent)
	}
}
