package signin

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// TestWhatAProviderRepeats: an error of the provider tells its status and a code that OAuth knows,
// and nothing of what it was sent.
func TestWhatAProviderRepeats(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a page":            {http.StatusBadGateway, "<html>%s</html>", "the provider answers a request for tokens with 502"},
		"a code":            {http.StatusUnauthorized, `{"error":"invalid_client","error_description":"not for %s"}`, "the provider answers a request for tokens with 401, invalid_client"},
		"a code of its own": {http.StatusBadRequest, `{"error":"cannot use %s"}`, "the provider answers a request for tokens with 400"},
		"the sign-in's end": {http.StatusBadRequest, `{"error":"invalid_grant","error_description":"%s has ended"}`, errTakenAway.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent := r.FormValue("refresh_token") + r.FormValue("code")
				if !strings.Contains(sent, "canary") {
					t.Errorf("the provider was sent %q", sent)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				fmt.Fprintf(w, c.body, sent)
			}))
			t.Cleanup(server.Close)
			p := NewProvider(OIDC{}, slog.New(slog.DiscardHandler))
			p.found = &discovered{endpoint: oauth2.Endpoint{TokenURL: server.URL}}
			client := &Client{Provider: p, ID: "tapline"}
			_, _, refreshing := client.Refresh(t.Context(), "canary", time.Now())
			_, _, exchanging := client.exchange(t.Context(), "canary", pending{}, time.Now())
			for _, err := range []error{refreshing, exchanging} {
				if err == nil || strings.Contains(err.Error(), "canary") {
					t.Errorf("the error is %v", err)
				}
			}
			if refreshing == nil || refreshing.Error() != c.want {
				t.Errorf("Refresh() = %v, want %s", refreshing, c.want)
			}
		})
	}
}
