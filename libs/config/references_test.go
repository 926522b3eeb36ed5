package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReferences(t *testing.T) {
	allowed, other := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "ref+file://" + path
	}
	link := func(target, name string) string {
		t.Helper()
		path := filepath.Join(allowed, name)
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return "ref+file://" + path
	}
	outside := write(other, "key", "outside")
	write(allowed, "..data-1/mounted", "mounted\n")
	link("..data-1", "..data")
	if err := syscall.Mkfifo(filepath.Join(allowed, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SNOWFLAKE_PASSWORD", "from the environment\n")
	t.Setenv("SNOWFLAKE_TWO", "one\ntwo")
	t.Setenv("SNOWFLAKE_EMPTY", "\n")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not ours")
	t.Setenv("TAPLINE_KAFKA_SASL_PASSWORD", "the service's own")
	const pem = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
	refs := DefaultReferences()
	refs.Directories = []string{"/nowhere/at/all", allowed}
	for name, c := range map[string]struct {
		ref        string
		line, text string // "" where it is refused
		err        error  // of Line
	}{
		"a file":                        {ref: write(allowed, "password", "secret"), line: "secret", text: "secret"},
		"a line break at the end":       {ref: write(allowed, "newline", "secret\r\n"), line: "secret", text: "secret\r\n"},
		"a private key":                 {ref: write(allowed, "pem", pem), text: pem, err: ErrLineBreak},
		"a folder inside":               {ref: write(allowed, "sub/key", "deep"), line: "deep", text: "deep"},
		"a mounted secret's links":      {ref: link("..data/mounted", "mounted"), line: "mounted", text: "mounted\n"},
		"as large as allowed":           {ref: write(allowed, "large", strings.Repeat("x", maxSecret)), line: strings.Repeat("x", maxSecret), text: strings.Repeat("x", maxSecret)},
		"a byte too large":              {ref: write(allowed, "larger", strings.Repeat("x", maxSecret+1)), err: ErrRefused},
		"an empty file":                 {ref: write(allowed, "empty", ""), err: ErrRefused},
		"not there":                     {ref: "ref+file://" + allowed + "/nothing", err: ErrRefused},
		"outside":                       {ref: outside, err: ErrRefused},
		"a folder whose name begins so": {ref: write(allowed+"-2", "key", "near"), err: ErrRefused},
		"outside by dots":               {ref: "ref+file://" + allowed + "/../" + filepath.Base(other) + "/key", err: ErrRefused},
		"outside by a link":             {ref: link(filepath.Join(other, "key"), "escape"), err: ErrRefused},
		"outside by a linked folder":    {ref: link(other, "folder") + "/key", err: ErrRefused},
		"a pipe":                        {ref: "ref+file://" + allowed + "/fifo", err: ErrRefused},
		"a folder":                      {ref: "ref+file://" + allowed + "/sub", err: ErrRefused},
		"the directory itself":          {ref: "ref+file://" + allowed, err: ErrRefused},
		"a process's environment":       {ref: "ref+file:///proc/self/environ", err: ErrRefused},
		"a variable":                    {ref: "ref+env://SNOWFLAKE_PASSWORD", line: "from the environment", text: "from the environment\n"},
		"a variable of two lines":       {ref: "ref+env://SNOWFLAKE_TWO", text: "one\ntwo", err: ErrLineBreak},
		"a variable of no line":         {ref: "ref+env://SNOWFLAKE_EMPTY", text: "\n", err: ErrRefused},
		"a variable that is not set":    {ref: "ref+env://SNOWFLAKE_NOTHING", err: ErrRefused},
		"another's variable":            {ref: "ref+env://AWS_SECRET_ACCESS_KEY", err: ErrRefused},
		"the service's own variable":    {ref: "ref+env://TAPLINE_KAFKA_SASL_PASSWORD", err: ErrRefused},
		"a plain text":                  {ref: "s3cret", err: ErrNotReference},
	} {
		line, err := refs.Line(c.ref)
		if line.Reveal() != c.line || !errors.Is(err, c.err) {
			t.Errorf("%s: Line() = %d bytes, %v, want %d bytes, %v", name, len(line.Reveal()), err, len(c.line), c.err)
		}
		if text, err := refs.Text(c.ref); text.Reveal() != c.text || (err == nil) != (c.text != "") {
			t.Errorf("%s: Text() = %d bytes, %v, want %d bytes", name, len(text.Reveal()), err, len(c.text))
		}
	}
}

// TestReferencesTellNothing: what is refused and what is not there read the same.
func TestReferencesTellNothing(t *testing.T) {
	t.Parallel()
	refs := DefaultReferences()
	texts := map[string]bool{}
	for _, ref := range []string{"ref+file:///etc/passwd", "ref+file:///etc/nothing", "ref+file:///run/secrets/nothing", "ref+env://PATH", "ref+env://SNOWFLAKE_NOTHING_AT_ALL"} {
		_, err := refs.Line(ref)
		if err == nil {
			t.Fatalf("%s was read", ref)
		}
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("refusals differ: %v", texts)
	}
}

func TestReferencesAreReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refs := References{Directories: []string{dir}}
	for _, want := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(dir, "key"), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := refs.Line("ref+file://" + dir + "/key"); got.Reveal() != want || err != nil {
			t.Errorf("Line() = %q, %v, want %q", got.Reveal(), err, want)
		}
	}
}

func TestReferencesValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refs References
		ok   bool
	}{
		"as they come":        {DefaultReferences(), true},
		"none":                {References{}, true},
		"a relative folder":   {References{Directories: []string{"secrets"}}, false},
		"the root":            {References{Directories: []string{"/"}}, false},
		"the root, disguised": {References{Directories: []string{"/run/.."}}, false},
		"every variable":      {References{EnvPrefixes: []string{"SNOWFLAKE_", ""}}, false},
	} {
		if err := c.refs.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
