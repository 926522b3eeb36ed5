package rules

import (
	"encoding/json"
	"testing"
)

func FuzzScannerAgreesWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		`{"d":[]}`, `{"a":1.5e-3,"b":[true,false,null,"\u00e9\\"]}`, `-0`, `01`, `1.`, `.5`, `1e`, `"\x"`, `"\u12"`,
		`{"a":}`, `{"a" 1}`, `[1,]`, `{,}`, `tru`, `"` + "\n" + `"`, ` [ 1 , 2 ] `, `[1 2]`, `{"a":1,}`, `-`, `nul`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s := &Scanner{B: []byte(in)}
		_, err := s.Value()
		s.space()
		got := err == nil && s.i == len(in)
		if want := json.Valid([]byte(in)); got != want && nesting([]byte(in)) < maxDepth {
			t.Errorf("valid(%q) = %t, encoding/json says %t", in, got, want)
		}
	})
}
