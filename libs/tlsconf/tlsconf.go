// Package tlsconf is how a client connects by TLS: which authorities it trusts
// and which certificate it shows, as files that may be replaced while it runs.
package tlsconf

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"tapline.dev/libs/config"
)

// Config is what operators set.
type Config struct {
	// Enabled makes the client connect by TLS.
	Enabled bool
	// CAFile holds the authorities to trust, as PEM; empty trusts the system's.
	CAFile string
	// CertFile and KeyFile are the certificate to show, as PEM, and its key.
	CertFile string
	KeyFile  string
	// ServerName is the name that the server's certificate must bear, where it is
	// not the host of the address.
	ServerName string
}

// Validate demands that the files can be read.
func (c Config) Validate() error {
	if !c.Enabled {
		if c != (Config{}) {
			return config.Bad("enabled", "must be true for the other settings of TLS to count")
		}
		return nil
	}
	var errs []error
	if _, err := c.roots(); err != nil {
		errs = append(errs, config.Bad("caFile", "%v", err))
	}
	switch {
	case c.CertFile == "" && c.KeyFile == "":
	case c.CertFile == "":
		errs = append(errs, config.Bad("certFile", "must be set where keyFile is"))
	case c.KeyFile == "":
		errs = append(errs, config.Bad("keyFile", "must be set where certFile is"))
	default:
		if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
			errs = append(errs, config.Bad("certFile", "%v", err))
		}
	}
	return errors.Join(errs...)
}

func (c Config) roots() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil // the system's
	}
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return pool, nil
}

// Load reads the files. The certificate to show is read again for each
// connection, so that a renewed one is used without a restart.
func (c Config) Load() (*tls.Config, error) {
	roots, err := c.roots()
	if err != nil {
		return nil, fmt.Errorf("reading the trusted authorities: %w", err)
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: c.ServerName}
	if c.CertFile != "" {
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			certificate, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("reading the client's certificate: %w", err)
			}
			return &certificate, nil
		}
	}
	return out, nil
}

// Dialer is a function that connects.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// Dial wraps a dialer in TLS; it reads all files for each connection.
func (c Config) Dial(dial Dialer) Dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		settings, err := c.Load()
		if err != nil {
			return nil, err
		}
		if settings.ServerName == "" {
			if settings.ServerName, _, err = net.SplitHostPort(addr); err != nil {
				return nil, fmt.Errorf("connecting by TLS: %w", err)
			}
		}
		raw, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, settings)
		if err := conn.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("connecting by TLS: %w", err), raw.Close())
		}
		return conn, nil
	}
}
