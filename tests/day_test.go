package tests

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tapline.dev/tests/harness"
)

// TestADay runs the scripts of testdata/day: what people type on a day, against a whole
// pipeline, one after another.
func TestADay(t *testing.T) {
	t.Parallel()
	path, _ := customers(t, 500)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	testscript.Run(t, testscript.Params{
		Dir: "testdata/day",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TAPLINE_SERVER", c.Endpoints.ImportCenter)
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tapline": runTapline(c.Program("tapline")),
			"edit":    editFile,
			"until":   untilState(c.Program("tapline")),
		},
	})
}

// runTapline makes the command `tapline CODE ARGUMENTS…`: it must end with the exit code.
func runTapline(program string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if len(args) == 0 {
			ts.Fatalf("usage: tapline CODE ARGUMENTS…")
		}
		err := ts.Exec(program, args[1:]...)
		code := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			ts.Fatalf("%v", err)
		}
		if fmt.Sprint(code) != args[0] {
			ts.Fatalf("tapline %s ended with %d, want %s", strings.Join(args[1:], " "), code, args[0])
		}
	}
}

// untilState makes the command `until RUN STATE`, which asks until the run has the state.
func untilState(program string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if len(args) != 2 {
			ts.Fatalf("usage: until RUN STATE")
		}
		for deadline := time.Now().Add(time.Minute); ; {
			ts.Check(ts.Exec(program, "get", "run", args[0], "-o", "json"))
			if strings.Contains(ts.ReadFile("stdout"), `"state": "`+args[1]+`"`) {
				return
			}
			if time.Now().After(deadline) {
				ts.Fatalf("%s is not %s within a minute", args[0], args[1])
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// editFile makes the command `edit FILE OLD NEW`.
func editFile(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s holds no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}
