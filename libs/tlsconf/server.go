package tlsconf

import (
	"crypto/tls"
	"errors"
	"fmt"

	"tapline.dev/libs/config"
)

// Server is the certificate that a server shows. The files are read again for
// each connection, so that a renewed certificate is used without a restart.
type Server struct {
	// CertFile and KeyFile are the certificate, as PEM, and its key; empty serves
	// without TLS.
	CertFile string
	KeyFile  string
}

// Validate demands both files, or neither.
func (s Server) Validate() error {
	switch {
	case s.CertFile == "" && s.KeyFile == "":
		return nil
	case s.CertFile == "":
		return config.Bad("certFile", "must be set where keyFile is")
	case s.KeyFile == "":
		return config.Bad("keyFile", "must be set where certFile is")
	}
	if _, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile); err != nil {
		return config.Bad("certFile", "%v", err)
	}
	return nil
}

// Load returns the settings to serve with.
func (s Server) Load() (*tls.Config, error) {
	if s.CertFile == "" {
		return nil, errors.New("serving by TLS: no certificate is set")
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			certificate, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("reading the server's certificate: %w", err)
			}
			return &certificate, nil
		},
	}, nil
}
