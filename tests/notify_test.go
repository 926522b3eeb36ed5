package tests

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestNotificationsSurviveAKill kills Import Center while its message is with the channel
// and has no answer: after a restart the same message comes again, under the same id, and
// nothing else. A kill after the answer repeats nothing. The recovery is told once.
func TestNotificationsSurviveAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "hook")
	if err := os.WriteFile(secret, []byte("canary-hook-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, _ := customers(t, 2000)
	c := harness.Start(t, harness.Options{
		Separate: true, DevArgs: []string{"--load", table + "=" + path},
		Env: []string{"TAPLINE_NOTIFICATIONS_SECRETS_DIRECTORIES=" + dir, "TAPLINE_NOTIFICATIONS_EVERY=200ms", "TAPLINE_NOTIFICATIONS_RETRY_MIN=100ms"},
	})
	var mu sync.Mutex
	var got []schemas.Notice
	killed := make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n schemas.Notice
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			t.Error(err)
		}
		mu.Lock()
		got = append(got, n)
		first := len(got) == 1
		mu.Unlock()
		if first {
			c.Services["importcenter"].Kill()
			close(killed)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(hook.Close)
	messages := func() []schemas.Notice {
		mu.Lock()
		defer mu.Unlock()
		return append([]schemas.Notice{}, got...)
	}
	back := func() {
		t.Helper()
		c.Services["importcenter"].Start(t)
		harness.Eventually(t, time.Minute, "Import Center answers again", func() bool { _, code := c.CLI(t, "get", "imports"); return code == 0 })
	}
	c.ApplyText(t, `apiVersion: tapline.dev/v1alpha1
kind: Notification
metadata: {name: oncall}
spec:
  webhook: {url: "`+hook.URL+`", secret: "ref+file://`+secret+`"}
`)
	strict := strings.Replace(definition("customers"), "topic:", "limits: {maxRejectRatio: 0.001}\n  topic:", 1)
	c.ApplyText(t, strict)
	run := c.Trigger(t, "customers")
	<-killed
	back()
	harness.Eventually(t, time.Minute, "the message comes again", func() bool { return len(messages()) == 2 })
	if m := messages(); m[0].ID != m[1].ID || m[1].Condition != schemas.NotifyFailing || m[1].Run != run {
		t.Fatalf("after the kill %+v came, before it %+v", m[1], m[0])
	}
	c.Services["importcenter"].Kill()
	back()
	c.ApplyText(t, definition("customers"))
	c.Close(t, c.Trigger(t, "customers"), time.Minute)
	// The second kill may have come before the second message was noted as sent, and then it
	// came a third time, under its own id.
	recovered := func() bool {
		m := messages()
		return m[len(m)-1].Condition == schemas.NotifyOK
	}
	harness.Eventually(t, time.Minute, "the recovery is told", recovered)
	told := slices.CompactFunc(messages(), func(a, b schemas.Notice) bool { return a.ID == b.ID })
	if len(told) != 2 || told[1].Before != schemas.NotifyFailing {
		t.Errorf("in the end these changes were told: %+v", told)
	}
	for _, p := range c.Services {
		if strings.Contains(p.Log(), "canary-hook-secret") {
			t.Error("a log holds the secret")
		}
	}
}
