package tlsconf

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas/metrics"
)

// ExportExpiry makes a metric of when each certificate ends, until stop. The certificates
// are files by what they are used for; one that is "" is not shown, and has no series. The
// files are read at each look, because a certificate may be replaced at any time. One that
// cannot be read has no series: it cannot be shown either, and connections say so.
func ExportExpiry(meter metric.Meter, files map[string]string) (stop func(), err error) {
	in := telemetry.NewInstruments(meter)
	stop = in.Observe(func(o telemetry.Observer) {
		for use, file := range files {
			if file == "" {
				continue
			}
			if end, err := expiry(file); err == nil {
				o.Set(metrics.CertificateExpiry, float64(end.Unix()), attribute.String("use", use))
			}
		}
	}, metrics.CertificateExpiry)
	return stop, in.Err()
}

// expiry is when the certificate in a file ends. It is the first of the file; those of the
// authorities that signed it may follow.
func expiry(file string) (time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading a certificate: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, fmt.Errorf("reading a certificate: %w", err)
		}
		return certificate.NotAfter, nil
	}
	return time.Time{}, errors.New("reading a certificate: the file holds none")
}
