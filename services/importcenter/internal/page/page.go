// Package page serves the web page of Import Center: one document for every address
// that a person may open, and the scripts and styles that it loads.
package page

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// assets is the folder of the files with a hash of their content in their names.
const assets = "/assets/"

// placeholders of the built document. They are replaced at each answer.
const (
	noncePlaceholder = "__TAPLINE_NONCE__"
	basePlaceholder  = "/__TAPLINE_BASE__/"
)

// Page serves the built page.
type Page struct {
	base  string
	index []byte
	files map[string]file
}

type file struct {
	content, gzipped []byte
	kind             string
}

// New reads the built page. base is the path under which a proxy shows it, "" or such
// as /tapline.
func New(built fs.FS, base string) (*Page, error) {
	index, err := fs.ReadFile(built, "index.html")
	if err != nil {
		return nil, fmt.Errorf("reading the web page: %w", err)
	}
	p := &Page{
		base:  base,
		index: bytes.ReplaceAll(index, []byte(basePlaceholder), []byte(base+"/")),
		files: map[string]file{},
	}
	err = fs.WalkDir(built, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		zipped, err := compress(content)
		if err != nil {
			return err
		}
		p.files["/"+name] = file{content: content, gzipped: zipped, kind: kindOf(name)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the web page's files: %w", err)
	}
	return p, nil
}

// Has reports whether a request is for the page: for one of its files, or from a
// browser that opens an address which is no part of the API.
func (p *Page) Has(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if strings.HasPrefix(r.URL.Path, assets) {
		return true
	}
	for _, api := range []string{"/v1/", "/auth/", "/openapi"} {
		if strings.HasPrefix(r.URL.Path, api) {
			return false
		}
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// ServeHTTP answers a request for which Has is true.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if !strings.HasPrefix(r.URL.Path, assets) {
		p.document(w)
		return
	}
	f, ok := p.files[path.Clean(r.URL.Path)]
	if !ok {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	// The name changes with the content.
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	content := f.content
	if len(f.gzipped) < len(f.content) && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		content = f.gzipped
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	// The reader is gone if this fails; nobody is left to tell.
	_, _ = w.Write(content)
}

// document answers with the page's document. The nonce lets the component library
// write its style element; scripts come from files alone.
func (p *Page) document(w http.ResponseWriter) {
	nonce := rand.Text()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"+nonce+"'; "+
		"img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'")
	_, _ = w.Write(bytes.ReplaceAll(p.index, []byte(noncePlaceholder), []byte(nonce)))
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// kindOf does not ask the machine's own table of types, which differs.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}
