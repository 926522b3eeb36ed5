//go:build cgo

package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

const lockName = "lock"

// lock creates the data directory and locks it for this process. The kernel releases the
// lock when the process ends, whatever ends it.
func lock(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	path := Config{Data: dir}.path(lockName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(inUseError(dir, path), file.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking the data directory: %w", err), file.Close())
	}
	if err := writePID(file); err != nil {
		return nil, errors.Join(fmt.Errorf("locking the data directory: %w", err), file.Close())
	}
	return file.Close, nil
}

// writePID writes the process id, which inUseError shows.
func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func inUseError(dir, path string) error {
	holder := "another process"
	if pid, err := os.ReadFile(path); err == nil && len(pid) > 0 {
		holder = "process " + strings.TrimSpace(string(pid))
	}
	return fmt.Errorf("the data directory %s is in use by %s; stop that one, or choose another directory and other ports with --data and --port-base", dir, holder)
}

// checkPortFree checks that a port can be listened on, so that a port in use is reported
// before anything has started.
func checkPortFree(ctx context.Context, addr, what string) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("the port of %s, %s, is in use; stop what uses it (another tapline dev?), or choose other ports with --port-base", what, addr)
	}
	if err != nil {
		return fmt.Errorf("listening on %s for %s: %w", addr, what, err)
	}
	return listener.Close()
}

// Clear empties a data directory. It returns an error if a process uses it.
func Clear(dir string) error {
	release, err := lock(dir)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.Join(fmt.Errorf("emptying the data directory: %w", err), release())
	}
	for _, e := range entries {
		if e.Name() == lockName {
			continue // this process holds it locked
		}
		if err := os.RemoveAll(Config{Data: dir}.path(e.Name())); err != nil {
			return errors.Join(fmt.Errorf("emptying the data directory: %w", err), release())
		}
	}
	return release()
}
