// Package guard refuses requests that no honest client sends, before the caller is
// authenticated: requests for a host name that is not this server's (DNS rebinding),
// requests that a page of another site makes (cross-site request forgery), and bodies
// that a page can send to another site without a CORS preflight. It applies in every
// mode of sign-in, on loopback too.
package guard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"tapline.dev/services/importcenter/internal/access"
)

// RequestIDHeader holds the request id, which is also in the log and in the audit
// topic.
const RequestIDHeader = "X-Request-Id"

// Config holds the settings of the deployment.
type Config struct {
	// Hosts are the host names that clients use for the server, besides loopback's and
	// that of Addr. A name without a port is valid with any port.
	Hosts []string
	// Addr is the address on which the server listens.
	Addr string
	// Origins are the other origins whose pages may send requests that change
	// something.
	Origins []string
	// Proxies are the trusted proxies, whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// TLS says that the server itself terminates TLS.
	TLS bool
}

// Refusal says why a request is refused.
type Refusal struct {
	Status int
	Code   string
	Detail string
}

// Codes of refusals.
const (
	CodeHost        = "host_unknown"
	CodeCrossSite   = "cross_site"
	CodeContentType = "content_type"
)

// Handler checks each request before next gets it. refuse writes the answer to a
// request that is refused.
func Handler(cfg Config, next http.Handler, refuse func(http.ResponseWriter, *http.Request, Refusal)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := access.Origin{Addr: cfg.client(r), RequestID: uuid.NewString()}
		cfg.headers(w.Header(), origin.RequestID)
		r = r.WithContext(access.WithOrigin(r.Context(), origin))
		if refusal, ok := cfg.check(r); !ok {
			refuse(w, r, refusal)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// headers sets the headers of every answer. They forbid browsers to cache it, to show
// it in a frame, to guess its type, to embed it, and to load anything for it.
func (c Config) headers(h http.Header, requestID string) {
	h.Set(RequestIDHeader, requestID)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	if c.TLS {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

func (c Config) check(r *http.Request) (Refusal, bool) {
	if !c.isOwnHost(r.Host) {
		return Refusal{http.StatusMisdirectedRequest, CodeHost,
			"this server is not reached under that name; if it is meant to be, add the name to http.hosts (TAPLINE_HTTP_HOSTS)"}, false
	}
	if reads := r.Method == http.MethodGet || r.Method == http.MethodHead; reads && !c.sameSite(r) && !isNavigation(r) {
		return Refusal{http.StatusForbidden, CodeCrossSite,
			"a page of another site may ask for nothing here: it could read no answer, but what is read is audited in the visitor's name"}, false
	} else if !reads && !c.sameSite(r) {
		return Refusal{http.StatusForbidden, CodeCrossSite,
			"a page of another site may change nothing here; if it is one of yours, add its origin to http.origins (TAPLINE_HTTP_ORIGINS)"}, false
	}
	if r.ContentLength != 0 && !isJSON(r.Header.Values("Content-Type")) {
		return Refusal{http.StatusUnsupportedMediaType, CodeContentType,
			"a body is application/json or application/merge-patch+json"}, false
	}
	return Refusal{}, true
}

// isOwnHost reports whether a Host header names this server. Another name may be an
// attacker's, whose DNS answers with this server's address.
func (c Config) isOwnHost(host string) bool {
	name := withoutPort(host)
	if Loopback(name) {
		return true
	}
	listen := withoutPort(c.Addr)
	if ip, err := netip.ParseAddr(listen); name == listen && (err != nil || !ip.IsUnspecified()) && name != "" {
		return true
	}
	return slices.ContainsFunc(c.Hosts, func(known string) bool {
		return strings.EqualFold(known, host) || strings.EqualFold(known, name)
	})
}

// sameSite reports whether a request comes from a page of this server, from a trusted
// origin, or from a client that is no browser, which sends neither header.
func (c Config) sameSite(r *http.Request) bool {
	if !c.sameSiteFetch(r) {
		return false
	}
	origins := r.Header.Values("Origin")
	return len(origins) == 0 || (len(origins) == 1 && (c.isOwnOrigin(r, origins[0]) || slices.Contains(c.Origins, origins[0])))
}

// sameSiteFetch reports whether no page of an untrusted site made the request, by the
// header Sec-Fetch-Site.
func (c Config) sameSiteFetch(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" && !c.trusts(r) {
			return false
		}
	}
	return true
}

// isNavigation reports whether a person follows a link to a page of this server, as
// after a sign-in at the OpenID provider. Answers of the API are no pages.
func isNavigation(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && !strings.HasPrefix(r.URL.Path, "/v1/")
}

func (c Config) trusts(r *http.Request) bool {
	return slices.Contains(c.Origins, r.Header.Get("Origin"))
}

// isOwnOrigin reports whether an origin is the one that the request was sent to. Its
// scheme may be https although this server speaks HTTP: a proxy may terminate TLS.
func (c Config) isOwnOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	return u.Scheme == "https" || (u.Scheme == "http" && !c.TLS)
}

// isJSON reports whether a body is JSON. A page can send that to another site only
// after a CORS preflight.
func isJSON(types []string) bool {
	if len(types) != 1 {
		return false
	}
	name, _, _ := strings.Cut(types[0], ";")
	name = strings.ToLower(strings.TrimSpace(name))
	return name == "application/json" || name == "application/merge-patch+json"
}

// Loopback reports whether only this machine can reach a host.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func withoutPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}
