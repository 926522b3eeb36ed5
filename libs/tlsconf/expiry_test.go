package tlsconf_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/libs/tlsconf/tlstest"
)

// An alert says when a certificate is about to end; one that was replaced is looked at anew.
func TestTheEndOfCertificatesIsSaid(t *testing.T) {
	t.Parallel()
	authority := tlstest.New(t)
	client := authority.Client(t)
	rec := telemetrytest.New(t, "x")
	missing := filepath.Join(t.TempDir(), "missing.pem")
	stop, err := tlsconf.ExportExpiry(rec.Meter("test"), map[string]string{"kafka": client.CertFile, "redis": "", "admin": client.KeyFile, "api": missing})
	if err != nil {
		t.Fatal(err)
	}
	const series = `tapline_certificate_expiry_timestamp_seconds{use="kafka"}`
	want := map[string]float64{series: endOf(t, client.CertFile)}
	if diff := cmp.Diff(want, rec.Metrics(t, "tapline_certificate")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	text, err := os.ReadFile(client.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(client.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	// The file of a proxy or of cert-manager may hold the key first.
	if err := os.WriteFile(missing, append(key, text...), 0o600); err != nil {
		t.Fatal(err)
	}
	want[`tapline_certificate_expiry_timestamp_seconds{use="api"}`] = endOf(t, client.CAFile)
	if diff := cmp.Diff(want, rec.Metrics(t, "tapline_certificate")); diff != "" {
		t.Errorf("once the file is there (-want +got)\n%s", diff)
	}
	stop()
	if got := rec.Metrics(t, "tapline_certificate"); len(got) != 0 {
		t.Errorf("after stop: %v", got)
	}
}

func endOf(t *testing.T, file string) float64 {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return float64(certificate.NotAfter.Unix())
}
