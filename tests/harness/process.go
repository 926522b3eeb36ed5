package harness

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tapline.dev/tests/mutants/mistake"
)

// Process is a program that a test starts, stops and kills, over and over.
type Process struct {
	Name string
	// Failpoints is what TAPLINE_FAILPOINTS holds at the next start: see
	// libs/failpoint.
	Failpoints string
	// Path is the program that the next start starts.
	Path string
	// Mistake is the deliberate mistake that it makes, if Path is a program that
	// Mutated has built.
	Mistake string
	// Started is when it was started last.
	Started time.Time
	args    []string
	env     []string
	log     string

	cmd  *exec.Cmd
	done chan error
}

func newProcess(t testing.TB, dir, name, path string, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{Name: name, Path: path, args: args, env: env, log: filepath.Join(dir, name+".log")}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("end of %s:\n%s", p.log, tail(p.log, 4000))
		}
	})
	return p
}

// NewProcess is the program of a service, for tests that need no whole pipeline.
func NewProcess(t testing.TB, service string, env []string) *Process {
	t.Helper()
	return newProcess(t, t.TempDir(), service, Program(t, service), env)
}

// Start starts the process.
func (p *Process) Start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(p.Path, p.args...)
	p.cmd.Env = append(append(os.Environ(), p.env...), "TAPLINE_FAILPOINTS="+p.Failpoints, mistake.Variable+"="+p.Mistake)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.Name, err)
	}
	p.Started = time.Now()
	cmd, done := p.cmd, make(chan error, 1)
	p.done = done
	go func() { done <- cmd.Wait() }()
}

// Running reports whether the process runs.
func (p *Process) Running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case err := <-p.done:
		p.done <- err
		return false
	default:
		return true
	}
}

// Kill sends SIGKILL and returns once the process has ended.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done //nolint:errcheck // it says only that the process was killed
	p.cmd = nil
}

// Signal sends a signal such as SIGSTOP.
func (p *Process) Signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("signalling %s: %v", p.Name, err)
	}
}

// Stop sends SIGTERM. The process must end by itself, with exit code 0.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	select {
	case err := <-p.done:
		p.cmd = nil
		if err != nil {
			t.Errorf("%s ended after SIGTERM with %v", p.Name, err)
		}
	case <-time.After(60 * time.Second):
		t.Errorf("%s did not end within 60 s of SIGTERM", p.Name)
		p.Kill()
	}
}

// Log returns the end of what the process has written.
func (p *Process) Log() string { return string(tail(p.log, 1<<20)) }

func tail(path string, n int) []byte {
	text, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	if len(text) > n {
		text = text[len(text)-n:]
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			text = text[i+1:]
		}
	}
	return text
}
