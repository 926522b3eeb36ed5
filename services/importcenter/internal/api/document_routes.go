package api

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// serveDocument serves the API's own document, in OpenAPI 3.1 and, for tools that
// cannot read that, 3.0. The routes of the same names that huma would add write what
// they have made into a variable that all requests share, without a lock.
func serveDocument(mux *http.ServeMux, doc *huma.OpenAPI) {
	for path, format := range map[string]struct {
		contentType string
		write       func() ([]byte, error)
	}{
		"/openapi.json":     {"application/openapi+json", func() ([]byte, error) { return json.Marshal(doc) }},
		"/openapi.yaml":     {"application/openapi+yaml", doc.YAML},
		"/openapi-3.0.json": {"application/openapi+json", doc.Downgrade},
		"/openapi-3.0.yaml": {"application/openapi+yaml", doc.DowngradeYAML},
	} {
		written := sync.OnceValues(format.write)
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			text, err := written()
			if err != nil {
				writeProblem(w, problem(http.StatusInternalServerError, codeInternal, "the document cannot be written; schemas/openapi.yaml in the source holds it"))
				return
			}
			w.Header().Set("Content-Type", format.contentType)
			// The reader is gone if this fails; nobody is left to tell.
			_, _ = w.Write(text)
		})
	}
}
