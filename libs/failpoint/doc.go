// Package failpoint lets tests kill or stop a process at a named point. It works
// only in builds with the tag failpoint; in every other build Hit is empty and
// the compiler removes it.
//
// A tagged process reads TAPLINE_FAILPOINTS: a list, separated by commas, of
//
//	NAME=kill      SIGKILL the process at the first Hit of NAME
//	NAME=kill:N    at the N-th
//	NAME=stop:N    SIGSTOP at the N-th: a zombie, until somebody sends SIGCONT
//
// Names are <service>.<moment>, such as loader.after-intent. Deliberate mistakes
// are patches: see tests/mutants.
package failpoint
