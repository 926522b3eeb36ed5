package daemon

import (
	"context"
	"log/slog"
	"testing"

	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/libs/tlsconf/tlstest"
)

// Every service says when the certificate of its admin address ends.
func TestTheEndOfTheAdminCertificateIsSaid(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "test")
	env := Env{Name: "test", Log: slog.New(slog.DiscardHandler), Telemetry: rec.Telemetry, Health: NewHealth()}
	cfg := AdminConfig{Addr: "127.0.0.1:0", TLS: tlstest.New(t).ServerFiles(t)}
	const series = `tapline_certificate_expiry_timestamp_seconds{use="admin"}`
	err := env.Run(t.Context(), cfg, func(context.Context) error {
		if end := rec.Metrics(t, "tapline_certificate")[series]; end == 0 {
			t.Error("no series while the service runs")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := rec.Metrics(t, "tapline_certificate"); len(got) != 0 {
		t.Errorf("after the service's end: %v", got)
	}
}
