package clevertap_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/services/loader/internal/clevertap"
)

func TestExists(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		if r.URL.Path != "/1/profile.json" || r.Header.Get("X-CleverTap-Passcode") != "pass" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		switch id := r.URL.Query().Get("identity"); {
		case id == "a&b" || id == "slow" && n > 1:
			_, _ = w.Write([]byte(`{"status":"success","record":{"identity":"x"}}`))
		case id == "empty":
			_, _ = w.Write([]byte(`{"status":"fail"}`))
		case id == "odd":
			_, _ = w.Write([]byte(`<html>`))
		case id == "slow":
			w.WriteHeader(http.StatusTooManyRequests)
		case id == "down":
			w.WriteHeader(http.StatusBadGateway)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		by, id    string
		found, ok bool
	}{
		{"identity", "a&b", true, true}, {"identity", "nobody", false, true}, {"identity", "empty", false, true},
		{"identity", "slow", true, true}, {"identity", "odd", false, false}, {"identity", "down", false, false},
	} {
		asked.Store(0)
		client := clevertap.NewClient(clevertap.Account{Endpoint: server.URL, AccountID: "id", Passcode: "pass", Timeout: time.Second})
		found, err := client.Exists(t.Context(), c.by, c.id)
		if found != c.found || (err == nil) != c.ok {
			t.Errorf("%s %s: %v, %v", c.by, c.id, found, err)
		}
		if err != nil && strings.Contains(err.Error(), c.id) {
			t.Errorf("the error repeats the identity: %v", err)
		}
		client.Close()
	}
	refused := clevertap.NewClient(clevertap.Account{Endpoint: server.URL, AccountID: "id", Passcode: "wrong", Timeout: time.Second})
	defer refused.Close()
	asked.Store(0)
	if _, err := refused.Exists(t.Context(), "identity", "a"); err == nil || asked.Load() != 1 {
		t.Errorf("refused credentials: %v after %d requests", err, asked.Load())
	}
}
