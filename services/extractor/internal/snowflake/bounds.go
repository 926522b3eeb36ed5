package snowflake

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
)

// What an answer may cost. Snowflake's largest value has 128 MB, and its chunks 16 MB unless a
// single row is larger; an answer in JSON lists columns, and a link for each chunk.
const (
	maxChunkBytes = 256 << 20
	maxJSONBytes  = 64 << 20
	maxJSONValues = 1 << 20
)

var errTooLarge = errors.New("the answer is larger than any of Snowflake's")

// bound ends an answer that is larger than Snowflake's are, before it costs the memory that
// other imports need. The driver reads answers to their end and keeps them.
func bound(req *http.Request, answer io.ReadCloser) io.ReadCloser {
	if req.Method == http.MethodGet && !strings.Contains(req.URL.Path, "/queries/") {
		return &bounded{ReadCloser: answer, left: maxChunkBytes}
	}
	return &bounded{ReadCloser: answer, left: maxJSONBytes, json: &valuesOf{left: maxJSONValues}}
}

type bounded struct {
	io.ReadCloser
	left int64
	json *valuesOf // nil of a chunk
}

// Read implements io.Reader.
func (b *bounded) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	b.left -= int64(n)
	if b.left < 0 || b.json != nil && !b.json.allow(into[:n]) {
		return 0, errTooLarge
	}
	return n, err
}

// valuesOf counts the values of a JSON text while it passes. A few bytes of text become a
// hundred in memory: "{}," an object with all its fields, for example.
type valuesOf struct {
	left    int
	inText  bool
	escaped bool
}

func (v *valuesOf) allow(text []byte) bool {
	for len(text) > 0 {
		switch {
		case v.escaped:
			v.escaped, text = false, text[1:]
		case v.inText:
			end := bytes.IndexAny(text, `"\\`)
			if end < 0 {
				return true
			}
			v.escaped = text[end] == '\\'
			v.inText, text = v.escaped, text[end+1:]
		default:
			next := bytes.IndexAny(text, `",[{`)
			if next < 0 {
				return true
			}
			if v.inText = text[next] == '"'; !v.inText {
				v.left--
			}
			text = text[next+1:]
		}
		if v.left < 0 {
			return false
		}
	}
	return true
}
