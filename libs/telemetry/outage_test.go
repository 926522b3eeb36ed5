package telemetry_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/telemetry"
)

// lines are the texts that were logged, with how many like them were held back.
func lines(t *testing.T, logs string) (out []string) {
	t.Helper()
	for line := range strings.Lines(logs) {
		var entry struct {
			Msg      string
			Broker   string
			Repeated json.Number
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.TrimSpace(entry.Msg+" "+entry.Broker+" "+entry.Repeated.String()))
	}
	return out
}

// TestAnOutageIsLoggedOnceAMinute: its begin, a line a minute, its end.
func TestAnOutageIsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs strings.Builder
		tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x", Log: &logs, LookupEnv: lookup(nil)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tel.Shutdown(t.Context()) }()
		o := telemetry.NewOutage(tel.Logger, telemetry.OutageTexts{Begins: "Redis is away", Lasts: "Redis is still away", Ends: "Redis is back"})
		o.Worked(t.Context())
		cause := errors.New("connection refused")
		for range 150 {
			o.Failed(t.Context(), cause)
			time.Sleep(time.Second)
		}
		if !errors.Is(o.Err(), cause) {
			t.Errorf("Err() = %v within an outage", o.Err())
		}
		o.Worked(t.Context())
		o.Worked(t.Context())
		if o.Err() != nil {
			t.Errorf("Err() = %v after an outage", o.Err())
		}
		want := []string{"Redis is away", "Redis is still away", "Redis is still away", "Redis is back"}
		if diff := cmp.Diff(want, lines(t, logs.String())); diff != "" {
			t.Errorf("logged (-want +got)\n%s", diff)
		}
		if !strings.Contains(logs.String(), `"after":150000000000,"failures":150`) {
			t.Errorf("the end does not say how long it was:\n%s", logs.String())
		}
	})
}

// TestWarningsThatRepeatAreHeldBack: three in the first minute, then one a minute with the
// number of those that were held back; other coordinates are another warning, and errors
// all pass.
func TestWarningsThatRepeatAreHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs strings.Builder
		tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "x", Log: &logs, LookupEnv: lookup(nil)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tel.Shutdown(t.Context()) }()
		for range 130 {
			tel.Logger.WarnContext(t.Context(), "no answer", slog.String("error", time.Now().String()))
			time.Sleep(time.Second)
		}
		tel.Logger.With(slog.String("broker", "b")).WarnContext(t.Context(), "no answer")
		ctx := telemetry.WithAttrs(t.Context(), slog.String("run", "customers.1"))
		for range 5 {
			tel.Logger.ErrorContext(ctx, "run failed")
		}
		time.Sleep(2 * time.Minute) // it is over, and begins anew
		for range 4 {
			tel.Logger.WarnContext(t.Context(), "no answer")
		}
		for i := range 5 {
			tel.Logger.WarnContext(t.Context(), "a notification cannot be read", slog.Int("notification", i))
			tel.Logger.WarnContext(t.Context(), "a caller was refused", slog.Int("caller", i))
		}
		want := []string{
			"no answer", "no answer", "no answer", "no answer  57", "no answer  59", "no answer b",
			"run failed", "run failed", "run failed", "run failed", "run failed",
			"no answer  9", "no answer", "no answer",
		}
		for range 5 {
			want = append(want, "a notification cannot be read", "a caller was refused")
		}
		if diff := cmp.Diff(want, lines(t, logs.String())); diff != "" {
			t.Errorf("logged (-want +got)\n%s", diff)
		}
	})
}
