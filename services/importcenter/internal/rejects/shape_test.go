package rejects

import (
	"encoding/json"
	"testing"
)

func TestShapeOf(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`null`: "NULL", `true`: "a boolean", `{"a":1}`: "an object", `[1]`: "a list", `12`: "2 digits", `-7`: "minus and 1 digit", `1.5`: "a number with decimals",
		`""`: "an empty text", `"  "`: "blanks only", `"123456789012"`: "12 digits", `"123456789012345678901"`: "more than 20 digits",
		`"+491701234567"`: "+ and 12 digits", `"a@@b.de"`: `contains "@@"`, `"a@b@c"`: `several "@"`, `"@b.de"`: `"@" at an end`, `"a@b"`: `no "." after "@"`,
		`"a b@c.de"`: `"@" and blanks`, `"a@b..de"`: `"@" and ".."`, `"ann@b.de"`: `one "@", letters`, `"2026-11-30"`: "like 9999-99-99",
		`"30.11.26 10:00"`: "like 99.99.99 with a time", `"Ann"`: "letters, up to 8 characters", `"Ann Müller, 7"`: "letters and digits and blanks and signs and characters outside ASCII, up to 16 characters",
	} {
		if got := shapeOf(json.RawMessage(`{"OTHER":1,"C":`+value+`}`), "C"); got != want {
			t.Errorf("shape of %s = %q, want %q", value, got, want)
		}
	}
	if got := shapeOf(json.RawMessage(`{"OTHER":1}`), "C"); got != "" {
		t.Errorf("shape of a column that is not there = %q", got)
	}
	if got := shapeOf(json.RawMessage(`{"OTHER`), "C"); got != "" {
		t.Errorf("shape in a row that cannot be read = %q", got)
	}
}

// FuzzShapeOf: no value breaks it or makes a shape that is not one of the few.
func FuzzShapeOf(f *testing.F) {
	for _, seed := range []string{"", "x", "12-34-56", "a@b.c", "é", "= 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		row, err := json.Marshal(map[string]string{"C": text})
		if err != nil {
			return
		}
		if shape := shapeOf(row, "C"); len(shape) > 120 {
			t.Errorf("the shape %q is longer than any that there is", shape)
		}
	})
}
