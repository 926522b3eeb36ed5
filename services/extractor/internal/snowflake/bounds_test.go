package snowflake

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/memtest"
	"tapline.dev/services/extractor/internal/statement"
)

// TestHostileAnswers: whatever lies behind a connection answers, the query fails, and the
// process lives in little memory.
func TestHostileAnswers(t *testing.T) {
	if !memtest.Little(t, "3221225472") {
		return
	}
	endless := func(head, part, tail string, n int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, err := io.WriteString(w, head)
			for many := strings.Repeat(part, 1000); n > 0 && err == nil; n -= 1000 {
				_, err = io.WriteString(w, many)
			}
			_, _ = io.WriteString(w, tail) // whoever reads has gone
		}
	}
	const end = `null]},"success":true}`
	for name, flood := range map[string]func(http.ResponseWriter){
		"chunks without fields":  endless(`{"data":{"queryResultFormat":"arrow","chunks":[`, `{},`, end, 20_000_000),
		"columns without fields": endless(`{"data":{"queryResultFormat":"arrow","rowtype":[`, `{},`, end, 20_000_000),
		"rows without values":    endless(`{"data":{"queryResultFormat":"json","rowset":[`, `[],`, end, 20_000_000),
		"a message without end":  endless(`{"code":"1","success":false,"message":"`, `xxxxxxxxxxxxxxxx`, `"}`, 200_000_000),
		"rows without end":       endless(`{"data":{"queryResultFormat":"arrow","rowsetBase64":"`, `AAAAAAAAAAAAAAAA`, `"},"success":true}`, 200_000_000),
	} {
		s := newServer(t)
		session := s.open()
		s.mu.Lock()
		s.flood = flood
		s.mu.Unlock()
		if _, err := session.Query(t.Context(), statement.Statement{SQL: "SELECT N"}, nil); err == nil {
			t.Errorf("%s: the query succeeded", name)
		}
	}
}

// TestAChunkThatUnpacksWithoutEnd: the run fails and says why, and is not tried again.
func TestAChunkThatUnpacksWithoutEnd(t *testing.T) {
	if !memtest.Little(t, "3221225472") {
		return
	}
	var part bytes.Buffer
	zw := gzip.NewWriter(&part)
	if _, err := zw.Write(make([]byte, 32<<20)); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	s := newServer(t)
	tries := 0
	s.strike = func(w http.ResponseWriter, r *http.Request, _ int, _ []byte) bool {
		tries++
		for range 20 { // members of one gzip file
			if _, err := w.Write(part.Bytes()); err != nil || r.Context().Err() != nil {
				break
			}
		}
		return true
	}
	cfg := testConfig()
	cfg.StallTimeout = time.Minute // on a busy machine
	result, err := s.openWith(cfg).Query(t.Context(), statement.Statement{SQL: "SELECT N"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = result.Chunk(t.Context(), 1)
	if err == nil || !strings.Contains(err.Error(), "has more than 256 MiB: select fewer or shorter columns") || tries != 1 {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

// TestValuesOfJSON: only what stands outside of texts counts, however the text is cut.
func TestValuesOfJSON(t *testing.T) {
	t.Parallel()
	text := []byte(`{"a,[{":[1,2,"\"[{,","\\",{}]}`) // {, [, four commas and {
	for size := 1; size <= len(text); size++ {
		v := valuesOf{left: 100}
		for part := range slices.Chunk(text, size) {
			v.allow(part)
		}
		if v.left != 100-7 {
			t.Errorf("in parts of %d: %d values", size, 100-v.left)
		}
	}
}
