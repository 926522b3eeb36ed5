//go:build cgo

package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline.dev/cmd/tapline/internal/dev"
)

// held plays the sandbox CleverTap's dumps.
func held(t *testing.T, profiles, events string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sandbox/v1/profiles", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, profiles) })
	mux.HandleFunc("GET /sandbox/v1/events", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, events) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestCompareProfiles(t *testing.T) {
	t.Parallel()
	want := map[string]profile{"1": {"Name": `"Zoë"`, "spend": "12.50"}, "2": {"Name": `"Lee & Sons"`}}
	buyers := map[string]bool{"2": true, "3": true}
	right := `{"identity":"1","profileData":{"Name":"Zo\u00eb","spend":12.50}}
		{"identity":"2","profileData":{"Name":"Lee & Sons"}}
		{"identity":"3","profileData":{}}`
	tests := []struct {
		name, profiles, says string
	}{
		{"equal", right, ""},
		{"another number", strings.Replace(right, "12.50", "12.5", 1), "1, spend: holds 12.5, should hold 12.50"},
		{"a number as text", strings.Replace(right, "12.50", `"12.50"`, 1), "profile value"},
		{"a value missing", strings.Replace(right, `"Name":"Lee & Sons"`, "", 1), "2, Name: holds nothing"},
		{"a value too many", strings.Replace(right, `"Name":"Lee`, `"x":1,"Name":"Lee`, 1), "2, x: holds 1, should hold nothing"},
		{"a profile missing", strings.Replace(right, `{"identity":"1"`, `{"identity":"3"`, 1), "profile that is missing: 1"},
		{"a buyer missing", strings.Replace(right, `{"identity":"3","profileData":{}}`, "", 1), "3, of a buyer"},
		{"a profile too many", right + `{"identity":"4","profileData":{}}`, "profile that should not be there: 4"},
		{"a profile twice", right + `{"identity":"3","profileData":{}}`, "profile held twice: 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var d differences
			if _, err := compareProfiles(t.Context(), held(t, tt.profiles, ""), want, buyers, &d); err != nil {
				t.Fatal(err)
			}
			checkSays(t, d.err(), tt.says)
		})
	}
}

func checkSays(t *testing.T, err error, says string) {
	t.Helper()
	switch {
	case says == "" && err != nil:
		t.Errorf("differences: %v", err)
	case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
		t.Errorf("differences = %v, want %q", err, says)
	}
}

func TestCompareEvents(t *testing.T) {
	t.Parallel()
	want := map[event]int{{"4", "Purchase", 852120000, "2", "29.33"}: 2, {"4", "Purchase", 853588800, "2", "29.73"}: 1}
	line := func(ts int64, amount string) string {
		return fmt.Sprintf(`{"identity":"4","evtName":"Purchase","ts":%d,"evtData":{"CDs":2,"Amount":%s}}`, ts, amount)
	}
	twice := line(852120000, "29.33") + line(852120000, "29.33")
	tests := []struct {
		name, events, says string
	}{
		{"equal, a twin among them", twice + line(853588800, "29.73"), ""},
		{"a twin missing", line(852120000, "29.33") + line(853588800, "29.73"), "event that is missing"},
		{"a twin too many", twice + line(852120000, "29.33") + line(853588800, "29.73"), "event too many"},
		{"another amount", twice + line(853588800, "29.7"), "event too many"},
		{"another time", twice + line(853588801, "29.73"), "event that is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var d differences
			if _, err := compareEvents(t.Context(), held(t, "", tt.events), want, &d); err != nil {
				t.Fatal(err)
			}
			checkSays(t, d.err(), tt.says)
		})
	}
}

func TestNDJSONAnswerThatIsCutOff(t *testing.T) {
	t.Parallel()
	err := lines(t.Context(), held(t, `{"identity":"1"}{"iden`, "")+"/sandbox/v1/profiles", func(json.RawMessage) {})
	if err == nil {
		t.Error("a cut answer passes for a whole one")
	}
}

func TestFresh(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	d := New(Config{Dev: dev.Config{Data: dir}}, nil, io.Discard, io.Discard)
	if err := d.clearData(); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "left")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.clearData(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("what an earlier demo left is still there")
	}
	if err := os.Remove(filepath.Join(dir, marker)); err != nil {
		t.Fatal(err)
	}
	if err := d.clearData(); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("a directory that no demo made: %v", err)
	}
}

// TestDemo runs the whole demonstration on the examples that the project ships.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the whole pipeline")
	}
	var out, messages bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	d := New(config(t), applyExamples(t), &out, &messages)
	if err := d.Run(ctx); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), messages.String())
	}
	for _, want := range []string{"customers.2", "9696 profiles", "6919 events", "where to look next"} {
		if !strings.Contains(out.String()+messages.String(), want) {
			t.Errorf("the demo does not say %q:\n%s%s", want, out.String(), messages.String())
		}
	}
}
