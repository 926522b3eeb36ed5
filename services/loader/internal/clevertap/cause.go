package clevertap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"

	"tapline.dev/libs/egress"
)

// causeOf gives a transport error one of the fixed names. The error's own text
// is not used: it may quote what a server sent.
func causeOf(ctx context.Context, err error) string {
	var (
		refusal   *egress.Refusal
		dns       *net.DNSError
		op        *net.OpError
		netErr    net.Error
		record    tls.RecordHeaderError
		alert     tls.AlertError
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
	)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return CauseCancelled
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &verify), errors.As(err, &record), errors.As(err, &alert),
		errors.As(err, &authority), errors.As(err, &hostname):
		return CauseTLS
	case errors.As(err, &refusal):
		return CauseProxyRefuses
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return CauseProxy
	case errors.As(err, &dns):
		return CauseDNS
	case errors.As(err, &op) && op.Op == "dial":
		return CauseDial
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return CauseTimeout
	default:
		return CauseReset
	}
}

// withoutURL drops the wrapper that repeats the address.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
