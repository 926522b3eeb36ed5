// Package pages keeps web pages of other sites away from the stand-ins, which show what was
// loaded and ask for no credential where they do.
package pages

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Without refuses what a browser sends for a page of another site. Where the request came
// over loopback it also refuses names other than localhost, because the DNS of a page's
// own name may answer with this machine's address (DNS rebinding): such a page could read
// every profile that was loaded. Programs send no such headers. The services' servers
// have the same rule; the stand-ins share no code with them.
func Without(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ownName(r) || !ownPage(r) {
			http.Error(w, "web pages of other sites may ask for nothing here", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownName reports whether the name that was asked for can be no other site's.
func ownName(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || !loopback(local.String()) || loopback(r.Host) {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]")) // an address has no DNS
	return err == nil
}

// ownPage reports whether no page of another site sends the request. A person may follow
// a link: the answer is shown to that person alone.
func ownPage(r *http.Request) bool {
	h := r.Header
	link := r.Method == http.MethodGet && h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	for _, site := range h.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" && !link {
			return false
		}
	}
	for _, origin := range h.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	return true
}

func loopback(hostport string) bool {
	host := hostport
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}
