package jsonstring_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"tapline.dev/libs/jsonstring"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          `""`,
		"plain":                     `"plain"`,
		`a "quoted" \ word`:         `"a \"quoted\" \\ word"`,
		"line\nfeed\rreturn\ttab":   `"line\nfeed\rreturn\ttab"`,
		"\x00\b\f\x1f":              `"\u0000\u0008\u000C\u001F"`,
		"<a href='x'>&amp;</a>/":    `"<a href='x'>&amp;</a>/"`,
		"\x7f é \u2028 \U0001F600":  "\"\x7f é \u2028 \U0001F600\"",
		"\"":                        `"\""`,
		"ends with a backslash\\":   `"ends with a backslash\\"`,
		"\tbegins and ends alike\t": `"\tbegins and ends alike\t"`,
	} {
		if got := string(jsonstring.Append([]byte("before"), []byte(text))); got != "before"+want {
			t.Errorf("%q is written as %s, want %s", text, got, "before"+want)
		}
	}
}

func FuzzAppend(f *testing.F) {
	f.Add("a\"\\\n\t\r\x01\u2028é")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			t.Skip("not UTF-8")
		}
		var again string
		written := jsonstring.Append(nil, []byte(text))
		if err := json.Unmarshal(written, &again); err != nil || again != text {
			t.Fatalf("%q is written as %s, which means %q (%v)", text, written, again, err)
		}
	})
}

func TestAppendKeepsToItsBuffer(t *testing.T) {
	buffer, text := make([]byte, 0, 64), []byte("no allocation \n here")
	if n := testing.AllocsPerRun(100, func() { buffer = jsonstring.Append(buffer[:0], text) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
