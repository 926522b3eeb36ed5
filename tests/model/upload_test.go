package model

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
)

// body is a record as CleverTap receives it.
type body struct {
	Identity string `json:"identity"`
	Profile  *data  `json:"profileData"`
	Event    *data  `json:"evtData"`
}

type data struct {
	V    int `json:"v"`
	Even int `json:"even"` // 0 if the record does not write it
}

func (b body) data() *data {
	if b.Profile != nil {
		return b.Profile
	}
	return b.Event
}

// version returns the version of the row that the record was made of.
func (b body) version() int { return b.data().V }

func (b body) content() string { return row{key: b.Identity, version: b.version()}.content() }

// plain returns the text of a request, decompressed.
func plain(text []byte, encoding string) []byte {
	if encoding != "gzip" {
		return text
	}
	in, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return text
	}
	out, err := io.ReadAll(in)
	if err != nil {
		return text
	}
	return out
}

// records are those of an upload.
func records(text []byte) []body {
	var upload struct {
		D []body `json:"d"`
	}
	if json.Unmarshal(text, &upload) != nil {
		return nil // CleverTap has refused it
	}
	out := upload.D[:0]
	for _, b := range upload.D {
		if b.data() != nil {
			out = append(out, b)
		}
	}
	return out
}

// failure returns an error about the n-th record.
func failure(code, n int) map[string]any {
	return map[string]any{"status": "fail", "code": code, "error": fmt.Sprintf("refused. Skipped record number : %d", n)}
}
