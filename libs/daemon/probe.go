package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// probeTimeout bounds --probe, below the 5 s that container engines grant.
const probeTimeout = 4 * time.Second

// probe asks the process that serves the admin address whether it is ready. It
// is for images without a shell, whose health check is the program itself.
func probe(ctx context.Context, cfg AdminConfig) error {
	addr := cfg.Addr
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("probing %s: %w", addr, err)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	scheme, client := "http://", http.DefaultClient
	if cfg.TLS.CertFile != "" {
		certificate, err := tls.LoadX509KeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile)
		if err != nil {
			return fmt.Errorf("probing %s: %w", addr, err)
		}
		scheme, client = "https://", onlyShowing(certificate)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("probing %s: %w", addr, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("probing %s: %w", addr, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("probing %s: %w", addr, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", strings.TrimSpace(string(text)))
	}
	return nil
}

// onlyShowing returns a client that accepts a server only if it shows this certificate. The
// host name is not compared: the probe connects to a loopback address.
func onlyShowing(certificate tls.Certificate) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // the certificate itself is compared below
		VerifyConnection: func(state tls.ConnectionState) error {
			if !bytes.Equal(state.PeerCertificates[0].Raw, certificate.Certificate[0]) {
				return errors.New("another program answers there: it shows another certificate than admin.tls.certFile")
			}
			return nil
		},
	}}}
}
