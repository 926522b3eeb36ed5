// Package web holds the built web page of Import Center. `make web` builds dist
// from the sources beside it; it is committed, so that a Go build needs no Node.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built page: index.html and the files under assets.
func Files() (fs.FS, error) { return fs.Sub(dist, "dist") }
