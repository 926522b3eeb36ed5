package wire

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/engine"
)

// maxFile bounds a file that a browser sends.
const maxFile = 256 << 20

// filesPage is what a person sees who opens the sandbox with a browser.
type filesPage struct {
	Tables []engine.Table
	Made   string
	Wrong  string
}

var filesHTML = template.Must(template.New("files").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>Sandbox Snowflake</title>
<h1>Sandbox Snowflake</h1>
{{with .Made}}<p role="status"><b>{{.}}</b> is there. Go back to Import Center and name it as the table of an import.</p>{{end}}
{{with .Wrong}}<p role="alert"><b>Nothing was made: {{.}}</b></p>{{end}}
<form method="post" action="/sandbox/v1/tables" enctype="multipart/form-data">
<p><label>A CSV, TSV, NDJSON or Parquet file <input type="file" name="file" required accept=".csv,.tsv,.ndjson,.parquet"></label></p>
<p><label>Name of the table; the file's, if it is empty <input name="table" placeholder="USERS"></label></p>
<p><button>Make a table of it</button> A table of this name is replaced. The file stays on this machine.</p>
</form>
<h2>Tables</h2>
<table><tr><th>Table<th>Rows<th>Columns</tr>{{range .Tables}}<tr><td>{{.Name}}<td>{{.Rows}}<td>{{range $i, $c := .Columns}}{{if $i}}, {{end}}{{$c}}{{end}}</tr>{{end}}</table>
`))

// showFiles lists the tables, and takes files.
func (s *Server) showFiles(w http.ResponseWriter, r *http.Request) {
	s.writeFiles(w, r, http.StatusOK, filesPage{Made: r.URL.Query().Get("made")})
}

func (s *Server) writeFiles(w http.ResponseWriter, r *http.Request, status int, p filesPage) {
	var err error
	if p.Tables, err = s.engine.Tables(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	if err := filesHTML.Execute(w, p); err != nil {
		s.log.DebugContext(r.Context(), "the page of tables could not be written", slog.Any("error", err))
	}
}

// makeTable makes a table of a file that a browser sends.
func (s *Server) makeTable(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFile)
	file, header, err := r.FormFile("file")
	if err != nil {
		s.writeFiles(w, r, http.StatusBadRequest, filesPage{Wrong: "the request has no file, or a larger one than 256 MiB"})
		return
	}
	defer func() { _ = file.Close() }() // it was only read
	name := strings.TrimSpace(r.FormValue("table"))
	if name == "" {
		name = tableOf(header.Filename)
	}
	if err := s.loadFile(r, name, file, header); err != nil {
		s.writeFiles(w, r, http.StatusBadRequest, filesPage{Wrong: err.Error()})
		return
	}
	http.Redirect(w, r, "/?made="+template.URLQueryEscaper(name), http.StatusSeeOther)
}

// loadFile loads what was sent by way of a file of its name, by which its kind is known.
func (s *Server) loadFile(r *http.Request, table string, content io.Reader, header *multipart.FileHeader) (err error) {
	folder, err := os.MkdirTemp("", "tapline-sandbox-")
	if err != nil {
		return fmt.Errorf("making a folder for the file: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "file"+strings.ToLower(filepath.Ext(header.Filename)))
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("keeping the file: %w", err)
	}
	if _, err := io.Copy(out, content); err != nil {
		return errors.Join(fmt.Errorf("keeping the file: %w", err), out.Close())
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("keeping the file: %w", err)
	}
	return s.engine.Load(r.Context(), table, path)
}

// tableOf is the name of a table for a file: orders 2026.csv becomes ORDERS_2026.
func tableOf(file string) string {
	base := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '_'
	}, base)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "T_" + name
	}
	return name
}
