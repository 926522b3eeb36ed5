package tests

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tapline.dev/tests/harness"
)

// lateAnswer is what tapline why-late answers.
type lateAnswer struct {
	Run    string `json:"run"`
	Causes []struct {
		Code    string  `json:"code"`
		Text    string  `json:"text"`
		Records int64   `json:"records"`
		Seconds float64 `json:"seconds"`
	} `json:"causes"`
	Unknown []string `json:"unknown"`
}

// TestWhyLateNamesWhatWasBroken breaks one thing after another and asks why the import is
// late: the first cause is what was broken.
func TestWhyLateNamesWhatWasBroken(t *testing.T) {
	t.Parallel()
	const n = 30_000
	path, _ := customers(t, n)
	c := harness.Start(t, harness.Options{Separate: true, DevArgs: []string{"--load", table + "=" + path}})
	c.SetAccount(t, map[string]any{"recordsPerUpload": 100}) // so that there is time to ask
	c.ApplyText(t, definition("customers"))
	first := func(importName, code, says string, within time.Duration) lateAnswer {
		t.Helper()
		var got lateAnswer
		ok := func() bool {
			text, _ := c.CLI(t, "why-late", importName, "-o", "json")
			got = lateAnswer{}
			return json.Unmarshal([]byte(text), &got) == nil && len(got.Causes) > 0 && got.Causes[0].Code == code && strings.Contains(got.Causes[0].Text, says)
		}
		deadline := time.Now().Add(within)
		for !ok() {
			if time.Now().After(deadline) {
				t.Fatalf("why %s is late: %+v, want %s first, with %q", importName, got, code, says)
			}
		}
		if len(got.Unknown) > 0 {
			t.Errorf("not known: %v", got.Unknown)
		}
		return got
	}
	first("customers", "unscheduled", "no schedule", time.Minute)

	c.Services["loader"].Kill()
	run := c.Trigger(t, "customers")
	first("customers", "noService", "records wait: no loader runs", time.Minute)
	c.Services["loader"].Start(t)

	// All slots are taken by the one that began before.
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":2500,"share":1}]}`)
	got := first("customers", "slots", "15 of 15 are taken, by customers 15", time.Minute)
	if got.Run != run || got.Causes[0].Records == 0 {
		t.Errorf("the slots: %+v", got)
	}
	c.Faults(t, `{"faults":[{"kind":"401"}]}`)
	first("customers", "accountRefused", "CleverTap refuses the account clevertap since", time.Minute)
	c.Faults(t, `{"faults":[]}`)
	c.Close(t, run, 2*time.Minute)

	c.Services["mapper"].Kill()
	c.ApplyText(t, definition("second")) // whose first run has rows to map
	c.Trigger(t, "second")
	got = first("second", "noService", "no mapper runs", time.Minute)
	if got.Causes[0].Records == 0 || !strings.Contains(got.Causes[0].Text, "rows wait") {
		t.Errorf("the mapper: %+v", got)
	}
	c.Services["mapper"].Start(t)
	c.Services["scheduler"].Kill()
	first("second", "noService", "no scheduler runs", time.Minute)
}
