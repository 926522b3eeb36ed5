package sqlguard

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// sqlglot is the independent lexer, of the version that testdata/oracle.ndjson was made
// with.
const sqlglot = "30.30.0"

// FuzzOracle asks an independent lexer about each statement that the guard lets through:
// both have to read the same texts, names and brackets. A difference is where a statement
// could hide. TestOracle does the same for recorded statements.
func FuzzOracle(f *testing.F) {
	for _, s := range corpus(f) {
		f.Add(s.SQL)
	}
	ask := startOracle(f)
	f.Fuzz(func(t *testing.T, sql string) {
		clean, err := Query(sql)
		if err != nil || utf8.RuneCountInString(clean) > utf8.RuneCountInString(sql) {
			return // refused: what it hides does not matter
		}
		theirs := ask(t, sql)
		if theirs == nil {
			t.Fatalf("allowed %q, which the oracle cannot read", sql)
		}
		if diff := cmp.Diff(theirs, ourReading(t, sql)); diff != "" {
			t.Fatalf("%q is read otherwise by the oracle:\n%s", sql, diff)
		}
	})
}

// startOracle starts the lexer as a child process, which answers until the target ends.
func startOracle(f *testing.F) func(t *testing.T, sql string) [][]any {
	f.Helper()
	child := exec.Command(pythonWithSqlglot(f), "testdata/oracle.py", "--serve")
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := child.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		_ = in.Close() // ends it
		_ = child.Wait()
	})
	answers := bufio.NewScanner(out)
	answers.Buffer(nil, 64<<20)
	return func(t *testing.T, sql string) (tokens [][]any) {
		t.Helper()
		question, err := json.Marshal(sql)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write(append(question, '\n')); err != nil {
			t.Fatal(err)
		}
		if !answers.Scan() {
			t.Fatalf("the oracle has ended: %v", answers.Err())
		}
		if err := json.Unmarshal(answers.Bytes(), &tokens); err != nil {
			t.Fatal(err)
		}
		return tokens
	}
}

// pythonWithSqlglot is a Python that has the lexer, in a virtual environment under
// TAPLINE_VENVS (.cache/venvs by default), which it makes once.
func pythonWithSqlglot(f *testing.F) string {
	f.Helper()
	python, err := exec.LookPath("python3")
	if err != nil && os.Getenv("CI") == "true" {
		f.Fatal("python3 is missing: the independent lexer needs it")
	}
	if err != nil {
		f.Skip("python3 is not installed, so that the independent lexer cannot run")
	}
	venvs := os.Getenv("TAPLINE_VENVS")
	if venvs == "" {
		venvs = filepath.Join("..", "..", "..", "..", ".cache", "venvs")
	}
	venv, err := filepath.Abs(filepath.Join(venvs, "sqlglot-"+sqlglot))
	if err != nil {
		f.Fatal(err)
	}
	program, complete := filepath.Join(venv, "bin", "python3"), filepath.Join(venv, ".complete")
	if _, err := os.Stat(complete); err == nil {
		return program
	}
	for _, args := range [][]string{
		{python, "-m", "venv", "--clear", venv},
		{program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "sqlglot==" + sqlglot},
	} {
		text, err := exec.CommandContext(f.Context(), args[0], args[1:]...).CombinedOutput()
		if err != nil && os.Getenv("CI") == "true" {
			f.Fatalf("installing the independent lexer: %v\n%s", err, text)
		}
		if err != nil {
			f.Skipf("the independent lexer cannot be installed, as without a network: %v\n%s", err, text)
		}
	}
	if err := os.WriteFile(complete, nil, 0o600); err != nil {
		f.Fatal(err)
	}
	return program
}
