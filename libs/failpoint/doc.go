// Package failpoint lets tests kill a process at a named point, and switch a
// deliberate mistake on to see that the tests catch it. Both exist only in
// builds with the tag failpoint; in every other build Hit and Mistake are empty
// and the compiler removes them.
//
// A tagged process reads TAPLINE_FAILPOINTS: a list, separated by commas, of
//
//	NAME=kill      SIGKILL the process at the first Hit of NAME
//	NAME=kill:N    at the N-th
//	NAME=stop:N    SIGSTOP at the N-th: a zombie, until somebody sends SIGCONT
//	NAME=mistake   Mistake(NAME) is true
//
// Names are <service>.<moment>, such as loader.after-intent. Tests in one process
// use Set.
package failpoint
