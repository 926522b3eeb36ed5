package importcenter

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/daemon"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/libs/tlsconf/tlstest"
)

func TestTheEndsOfAllCertificatesAreSaid(t *testing.T) {
	t.Parallel()
	authority := tlstest.New(t)
	cfg := DefaultConfig()
	cfg.HTTP.TLS, cfg.Kafka.TLS, cfg.Redis.TLS = authority.ServerFiles(t), authority.Client(t), authority.Client(t)
	rec := telemetrytest.New(t, "importcenter")
	if _, err := New(cfg, Deps{Telemetry: rec.Telemetry, Health: daemon.NewHealth()}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`tapline_certificate_expiry_timestamp_seconds{use="api"}`,
		`tapline_certificate_expiry_timestamp_seconds{use="kafka"}`,
		`tapline_certificate_expiry_timestamp_seconds{use="redis"}`,
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(rec.Metrics(t, "tapline_certificate")))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
