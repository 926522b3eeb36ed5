package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestVerbsOfLife: what each verb asks for, and what it refuses before it asks.
func TestVerbsOfLife(t *testing.T) {
	t.Parallel()
	var asked string
	record := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked = r.Method + " " + r.URL.String() + " " + string(body)
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, answer)
		}
	}
	run := `{"run":"customers.5","state":"extracting"}`
	url := shop(t, map[string]http.HandlerFunc{
		"POST /v1/imports/customers/backfills":       record(run),
		"POST /v1/imports/customers/resends":         record(run),
		"POST /v1/imports/customers/replays":         record(run),
		"POST /v1/imports/customers/runs":            record(run),
		"POST /v1/imports/customers/planned-runs":    record(`{}`),
		"DELETE /v1/imports/customers/planned-runs/": record(`{}`),
		"POST /v1/imports/customers/stop":            record(`{}`),
		"POST /v1/imports/customers/clone":           record(`{}`),
	})
	for line, want := range map[string]string{
		"backfill customers --from 2026-11-01 --to 2026-11-08": `POST /v1/imports/customers/backfills {"from":"2026-11-01","to":"2026-11-08"}`,
		"resend customers --runs 40..42":                       `POST /v1/imports/customers/resends {"first":40,"last":42}`,
		"resend customers --runs 7":                            `POST /v1/imports/customers/resends {"first":7,"last":7}`,
		"replay customers --code c --reject 1-2 --as-sent":     `POST /v1/imports/customers/replays {"code":"c","refs":["1-2"],"how":"asSent"}`,
		"replay customers --decline --run customers.4":         `POST /v1/imports/customers/replays {"run":"customers.4","how":"declined"}`,
		"run customers --from 2026-11-01T00:00:00Z":            `POST /v1/imports/customers/runs?from=2026-11-01T00%3A00%3A00Z `,
		"run customers --at 2026-12-01T09:00:00Z":              `POST /v1/imports/customers/planned-runs {"at":"2026-12-01T09:00:00Z"}`,
		"cancel customers --at 2026-12-01T10:00:00+01:00":      `DELETE /v1/imports/customers/planned-runs/2026-12-01T09:00:00Z `,
		"stop customers":        `POST /v1/imports/customers/stop `,
		"clone customers other": `POST /v1/imports/customers/clone {"name":"other"}`,
	} {
		asked = ""
		if r := tapline(t, "", append(strings.Fields(line), "--server", url)...); r.code != ExitDone || asked != want {
			t.Errorf("%s asked %q, want %q; %+v", line, asked, want, r)
		}
	}
	for _, line := range []string{
		"backfill customers --from 2026-11-01", "backfill customers", "resend customers", "resend customers --runs 42..40", "resend customers --runs x",
		"replay customers --reject x", "replay customers --since yesterday", "replay customers --as-sent --decline",
		"run customers --at tomorrow", "run customers --at 2026-12-01T09:00:00Z --wait", "run customers --at 2026-12-01T09:00:00Z --from 2026-11-01",
		"cancel customers --at soon", "clone customers",
	} {
		asked = ""
		if r := tapline(t, "", append(strings.Fields(line), "--server", url)...); r.code == ExitDone || asked != "" || r.err == "" {
			t.Errorf("%s asked %q: %+v", line, asked, r)
		}
	}
}
