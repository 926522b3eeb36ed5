package rejects

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
)

// closing bounds the wait for a file that is closed: a transaction that has met a damaged page
// may never give its locks back.
const closing = 5 * time.Second

// errDamaged says that the file holds what was not written: a disk that lost pages, or somebody
// who wrote into it.
var errDamaged = fmt.Errorf("%w: its file is damaged, and it is built anew", ErrUnavailable)

// withoutPanic calls fn. bbolt panics at a page that is not what it should be, and reading a
// file that was cut off is a memory fault; neither may end the process, because the file is
// made anew from the topic.
func withoutPanic(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return fn()
}

func (s *store) view(fn func(*bolt.Tx) error) error {
	return s.use(func() error { return s.db.View(fn) })
}

func (s *store) update(fn func(*bolt.Tx) error) error {
	return s.use(func() error { return s.db.Update(fn) })
}

// use remembers that the file is damaged, for whoever writes it; nobody uses it from then on.
func (s *store) use(fn func() error) error {
	if s.damaged.Load() {
		return errDamaged
	}
	err := withoutPanic(fn)
	if errors.Is(err, errDamaged) {
		s.damaged.Store(true)
	}
	return err
}

// close closes the file once nobody reads it.
func (s *store) close() error {
	if !s.damaged.Load() {
		return s.db.Close()
	}
	done := make(chan error, 1)
	go func() { done <- withoutPanic(s.db.Close) }()
	select {
	case err := <-done:
		return err
	case <-time.After(closing):
		return errDamaged
	}
}

// removeIfDamaged makes the next store an empty one.
func (s *store) removeIfDamaged() {
	if s.damaged.Load() && !s.gone() {
		_ = os.Remove(s.path) // if it cannot be removed, the next one finds it damaged too
	}
}
