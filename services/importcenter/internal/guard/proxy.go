package guard

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedHeader is where proxies say for whom they ask, each adding the address
// that it was asked from at the end.
const forwardedHeader = "X-Forwarded-For"

// maxForwarded bounds how many addresses are looked at: whoever asks may write as
// many as the bound on headers allows.
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
			return nil, fmt.Errorf("%q trusts everybody, so that everybody could say that they ask from anywhere", text)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// client is the address that a request comes from: the connection's, or, if that is
// a trusted proxy's, the last in X-Forwarded-For that is not one. What stands
// before it was written by whoever asks and proves nothing.
func (c Config) client(r *http.Request) string {
	addr := withoutPort(r.RemoteAddr)
	if !c.proxy(addr) {
		return addr
	}
	chain := strings.Split(strings.Join(r.Header.Values(forwardedHeader), ","), ",")
	for i := len(chain) - 1; i >= 0 && len(chain)-i <= maxForwarded; i-- {
		ip, err := netip.ParseAddr(withoutPort(strings.TrimSpace(chain[i])))
		if err != nil {
			return addr // the proxy nearest to it is all that is known
		}
		addr = ip.Unmap().WithZone("").String()
		if !c.proxy(addr) {
			return addr
		}
	}
	return addr
}

func (c Config) proxy(addr string) bool {
	ip, err := netip.ParseAddr(addr)
	return err == nil && slices.ContainsFunc(c.Proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap().WithZone("")) })
}
