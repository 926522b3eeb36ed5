package guard

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedHeader lists the addresses that a request came through. Each proxy appends
// the address that it got the request from.
const forwardedHeader = "X-Forwarded-For"

// maxForwarded bounds how many addresses are read: a client may send as many as the
// limit on the size of headers allows.
const maxForwarded = 20

// ParseProxies reads addresses and networks such as 10.0.0.7 and 10.0.0.0/8.
func ParseProxies(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil {
				return nil, fmt.Errorf("%q is no address or network, such as 10.0.0.7 or 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if prefix.Bits() == 0 {
			return nil, fmt.Errorf("%q trusts every address, so any client could forge where it comes from", text)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// client returns the address of the client. That is the connection's address; if that
// is a trusted proxy, it is the last address in X-Forwarded-For that is not a trusted
// proxy. The client can forge every address before that one.
func (c Config) client(r *http.Request) string {
	addr := withoutPort(r.RemoteAddr)
	if !c.isProxy(addr) {
		return addr
	}
	chain := strings.Split(strings.Join(r.Header.Values(forwardedHeader), ","), ",")
	for i := len(chain) - 1; i >= 0 && len(chain)-i <= maxForwarded; i-- {
		ip, err := netip.ParseAddr(withoutPort(strings.TrimSpace(chain[i])))
		if err != nil {
			return addr // the address before this proxy cannot be read
		}
		addr = ip.Unmap().WithZone("").String()
		if !c.isProxy(addr) {
			return addr
		}
	}
	return addr
}

// isProxy reports whether an address is a trusted proxy's.
func (c Config) isProxy(addr string) bool {
	ip, err := netip.ParseAddr(addr)
	return err == nil && slices.ContainsFunc(c.Proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap().WithZone("")) })
}
