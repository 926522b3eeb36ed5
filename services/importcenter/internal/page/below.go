package page

import (
	"net/http"
	"net/url"
	"strings"
)

// Below takes base off the paths of requests that begin with it. It leaves others
// alone: a proxy may have taken it off before.
func Below(base string, next http.Handler) http.Handler {
	if base == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, below := strings.CutPrefix(r.URL.Path, base)
		raw, _ := strings.CutPrefix(r.URL.RawPath, base)
		if !below || rest != "" && rest[0] != '/' {
			next.ServeHTTP(w, r)
			return
		}
		shorter := r.Clone(r.Context())
		shorter.URL = &url.URL{}
		*shorter.URL = *r.URL
		shorter.URL.Path, shorter.URL.RawPath = rest, raw
		if rest == "" {
			shorter.URL.Path = "/"
		}
		next.ServeHTTP(w, shorter)
	})
}
