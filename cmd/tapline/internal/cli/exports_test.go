package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"golang.org/x/term"
)

// TestExportsAreNotForTerminals: a terminal is told to give a file, before anything is asked.
func TestExportsAreNotForTerminals(t *testing.T) {
	t.Parallel()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	if !term.IsTerminal(int(terminal.Fd())) {
		t.Fatal("/dev/ptmx is no terminal here")
	}
	for _, args := range [][]string{
		{"get", "rejects", "--import", "customers", "--export", "ndjson"},
		{"get", "rows", "--run", "customers.1", "--export", "csv"},
	} {
		var said bytes.Buffer
		code := Main(t.Context(), append(args, "--server", "http://127.0.0.1:1"), IO{Out: terminal, Err: &said})
		if code != ExitFailed || !strings.Contains(said.String(), "> FILE") {
			t.Errorf("%v = %d: %s", args, code, said.String())
		}
	}
}
