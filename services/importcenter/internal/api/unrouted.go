package api

import (
	"net/http"
	"path"
)

// onlyRoutes answers a request that matches no route with a problem. http.ServeMux
// would answer with plain text, or with a redirect to the path that it thinks was
// meant.
func onlyRoutes(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var allow string
		if canonical(r) {
			handler, pattern := mux.Handler(r)
			if pattern != "" {
				mux.ServeHTTP(w, r)
				return
			}
			theirs := onlyHeaders{}
			handler.ServeHTTP(theirs, r)
			allow = theirs.Header().Get("Allow")
		}
		if allow == "" {
			writeProblem(w, problem(http.StatusNotFound, codeNotFound, "there is nothing under this path; /openapi.yaml describes what there is"))
			return
		}
		w.Header().Set("Allow", allow)
		writeProblem(w, problem(http.StatusMethodNotAllowed, codeMethod, "this path takes "+allow+", not "+r.Method))
	})
}

// canonical reports whether http.ServeMux would serve the path without a redirect.
func canonical(r *http.Request) bool {
	escaped := r.URL.EscapedPath()
	return path.Clean(escaped) == escaped
}

// onlyHeaders keeps an answer's headers and drops the rest.
type onlyHeaders http.Header

// Header is the answer's headers.
func (h onlyHeaders) Header() http.Header { return http.Header(h) }

// Write drops the body.
func (h onlyHeaders) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader drops the status.
func (h onlyHeaders) WriteHeader(int) {}
