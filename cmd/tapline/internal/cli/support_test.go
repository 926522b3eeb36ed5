package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/cmd/tapline/internal/support"
)

// TestSupportOfServices: what services tell is packed without the owners of imports, also of
// one that is not ready; what cannot be had is named.
func TestSupportOfServices(t *testing.T) {
	t.Parallel()
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics":
			fmt.Fprintln(w, `tapline_import_info{import="a",owner="jo@example.com"} 1`)
		case "/readyz":
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, "not ready")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(admin.Close)
	var out bytes.Buffer
	b := support.New(&out, time.Unix(1, 0))
	if err := supportOfServices(t.Context(), b, []string{admin.URL + "/"}); err != nil {
		t.Fatal(err)
	}
	missing, err := b.Close()
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	got, archive := map[string]string{}, tar.NewReader(unzipped)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		got[path.Base(h.Name)] = string(text)
	}
	if len(missing) != 1 || path.Base(missing[0]) != "build.txt" {
		t.Errorf("missing: %v, want build.txt", missing)
	}
	delete(got, "missing.txt")
	want := map[string]string{"metrics.txt": "tapline_import_info{import=\"a\",owner=\"[masked]\"} 1\n", "ready.txt": "not ready\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the archive mismatch (-want +got)\n%s", diff)
	}
}
