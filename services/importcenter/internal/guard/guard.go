// Package guard turns away requests that no honest client sends, before anything
// looks at who sends them: those under a name that is not this server's (DNS
// rebinding), those that another site's page makes (cross-site request forgery),
// and bodies that a page can send without a preflight. It holds in every mode of
// sign-in, on loopback too.
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

// RequestIDHeader names a request in the answer, in the log and in the audit topic.
const RequestIDHeader = "X-Request-Id"

// Config is what the deployment decides.
type Config struct {
	// Hosts are the names under which the server is reached, beside loopback's and
	// that of Addr. A name without a port stands for any port.
	Hosts []string
	// Addr is where the server listens.
	Addr string
	// Origins are the origins of pages that may change something, beside the server's own.
	Origins []string
	// Proxies are those whose X-Forwarded-For says where a request comes from.
	Proxies []netip.Prefix
	// TLS is true where the server speaks TLS itself.
	TLS bool
}

// Refusal is why a request is turned away.
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

// Handler wraps next. refuse writes a refusal.
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

// headers are those of every answer: none of them may be kept, framed, sniffed or
// embedded, and none may load anything.
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
	if !c.knows(r.Host) {
		return Refusal{http.StatusMisdirectedRequest, CodeHost,
			"this server is not reached under that name; if it is meant to be, add the name to http.hosts (TAPLINE_HTTP_HOSTS)"}, false
	}
	if reads := r.Method == http.MethodGet || r.Method == http.MethodHead; reads && !c.ownFetch(r) && !follows(r) {
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

// knows is true of the names under which the server may be reached. Every other
// name may be one that an attacker's DNS has turned to this address.
func (c Config) knows(host string) bool {
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

// sameSite is true of a request that a browser made for this server's own page,
// or that no browser made: those send neither header.
func (c Config) sameSite(r *http.Request) bool {
	if !c.ownFetch(r) {
		return false
	}
	origins := r.Header.Values("Origin")
	return len(origins) == 0 || (len(origins) == 1 && (c.own(r, origins[0]) || slices.Contains(c.Origins, origins[0])))
}

// ownFetch is false of a request that a browser made for another site's page.
func (c Config) ownFetch(r *http.Request) bool {
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" && !c.trusts(r) {
			return false
		}
	}
	return true
}

// follows is true of a person who follows a link to a page, or comes back from the
// OpenID provider. Answers of the API are no pages.
func follows(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && !strings.HasPrefix(r.URL.Path, "/v1/")
}

func (c Config) trusts(r *http.Request) bool {
	return slices.Contains(c.Origins, r.Header.Get("Origin"))
}

// own is true of the origin under which the request reached this server. The
// scheme may be https before a proxy that ends TLS.
func (c Config) own(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	return u.Scheme == "https" || (u.Scheme == "http" && !c.TLS)
}

// isJSON is true of the types that no page can send to another site without
// asking first.
func isJSON(types []string) bool {
	if len(types) != 1 {
		return false
	}
	name, _, _ := strings.Cut(types[0], ";")
	name = strings.ToLower(strings.TrimSpace(name))
	return name == "application/json" || name == "application/merge-patch+json"
}

// Loopback is true of an address or a name that only this machine reaches.
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
