package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// Where says in a sentence where the way to a host ends, by a transport's error; "" if
// the error does not tell. Nothing that a server sent is repeated.
func Where(err error) string {
	var (
		refusal   *Refusal
		dns       *net.DNSError
		op        *net.OpError
		netErr    net.Error
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
	)
	viaProxy := errors.As(err, &op) && op.Op == "proxyconnect"
	switch {
	case errors.As(err, &refusal):
		return fmt.Sprintf("HTTP: the proxy refuses with status %d; ask whoever runs it to let this host through", refusal.Status)
	case viaProxy && errors.As(err, &dns):
		return "DNS: the proxy's name does not resolve"
	case viaProxy:
		return "TCP: the proxy cannot be reached"
	case errors.As(err, &dns):
		return "DNS: the host's name does not resolve; check the name servers, or name a proxy"
	case errors.As(err, &verify), errors.As(err, &record), errors.As(err, &authority), errors.As(err, &hostname):
		return "TLS: the certificate is not trusted; something between may be intercepting TLS: if that is meant, name its certificate as caFile"
	case errors.As(err, &op) && op.Op == "dial":
		return "TCP: no connection to the host; let the service reach it, or name a proxy"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "no answer in time; a firewall may drop the packets"
	}
	return ""
}
