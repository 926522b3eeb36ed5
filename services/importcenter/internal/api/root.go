package api

import (
	"net/http"
	"time"

	"tapline.dev/services/importcenter/internal/access"
)

// rootText is for a person who opens the address with curl. It says nothing of the
// deployment.
const rootText = `Tapline Import Center

A browser shows the web page here. For other programs:
  /openapi.yaml   its document
  /v1/imports     the imports
  tapline get imports --server THIS-ADDRESS   the same with the command line
`

// withRoot answers for the web page and for the root. Neither needs a credential, and
// both are counted by address.
func (h *handlers) withRoot(routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := h.Page.Has(r)
		if !page && (r.URL.Path != "/" || r.Method != http.MethodGet && r.Method != http.MethodHead) {
			routes.ServeHTTP(w, r)
			return
		}
		if !h.Limiter.Take(w.Header(), "addr:"+access.OriginOf(r.Context()).Addr, time.Now()) {
			writeProblem(w, tooMany())
			return
		}
		if page {
			h.Page.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		// The reader is gone if this fails; nobody is left to tell.
		_, _ = w.Write([]byte(rootText))
	})
}
