// Package egresstest is a proxy for tests, such as companies put before the Internet.
package egresstest

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// Interceptor is a proxy that ends TLS itself, with a certificate of its own for
// example.com, and passes requests on in the clear.
type Interceptor struct {
	*httptest.Server
	certificate *httptest.Server // whose certificate it shows
	to          string
	refuses     atomic.Bool
	passed      atomic.Int32
}

// NewInterceptor starts an interceptor that passes all requests on to an address. It ends
// with the test.
func NewInterceptor(t testing.TB, to string) *Interceptor {
	i := &Interceptor{certificate: httptest.NewTLSServer(http.NotFoundHandler()), to: to}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.certificate.Close)
	t.Cleanup(i.Close)
	return i
}

// Authority is the certificate, as PEM, of whoever trusts the interceptor.
func (i *Interceptor) Authority() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Certificate().Raw})
}

// Refuse makes it answer every request with 403.
func (i *Interceptor) Refuse() { i.refuses.Store(true) }

// Passed is how many requests it has passed on.
func (i *Interceptor) Passed() int { return int(i.passed.Load()) }

// ServeHTTP takes CONNECT requests.
func (i *Interceptor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || i.refuses.Load() {
		http.Error(w, "not here", http.StatusForbidden)
		return
	}
	raw, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = raw.Close() }()
	_, _ = io.WriteString(raw, "HTTP/1.1 200 OK\r\n\r\n")
	i.serve(tls.Server(raw, &tls.Config{Certificates: i.certificate.TLS.Certificates, MinVersion: tls.VersionTLS12}))
}

func (i *Interceptor) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		i.passed.Add(1)
		req.RequestURI, req.URL.Scheme, req.URL.Host = "", "http", i.to
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return
		}
		err = res.Write(conn)
		_ = res.Body.Close()
		if err != nil {
			return
		}
	}
}
