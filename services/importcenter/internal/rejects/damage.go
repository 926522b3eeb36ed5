package rejects

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// closing bounds the wait for a file whose locks are never given back.
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

// view calls fn with the state of the last commit. A file whose newest state is gone is
// damaged: bbolt would go on with the one before.
func (s *store) view(fn func(*bolt.Tx) error) error {
	tx, err := s.begin()
	if err != nil {
		return err
	}
	defer s.end(tx)
	return s.use(func() error { return fn(tx) })
}

// begin begins to read. If bbolt panics here, at a damaged head, it never gives its locks back:
// with s.locks held nobody else waits for them.
func (s *store) begin() (*bolt.Tx, error) {
	s.locks.Lock()
	defer s.locks.Unlock()
	if s.damaged.Load() {
		return nil, errDamaged
	}
	committed := s.committed.Load() // before it begins
	var tx *bolt.Tx
	returned := false
	err := s.note(withoutPanic(func() (err error) {
		tx, err = s.db.Begin(false)
		returned = true
		return err
	}))
	if !returned {
		close(s.stuck) // once: the file is damaged from then on
	}
	if err == nil && int64(tx.ID()) < committed {
		return nil, errors.Join(s.note(errDamaged), tx.Rollback())
	}
	return tx, err
}

// end ends reading. Where locks are never given back it leaves the transaction open.
func (s *store) end(tx *bolt.Tx) {
	s.locks.Lock()
	defer s.locks.Unlock()
	select {
	case <-s.stuck:
	default:
		_ = withoutPanic(tx.Rollback) // nothing was written
	}
}

// update calls fn to write.
func (s *store) update(fn func(*bolt.Tx) error) error {
	return s.unlessStuck(func() error {
		var id int64
		err := s.use(func() error {
			return s.db.Update(func(tx *bolt.Tx) error {
				if id = int64(tx.ID()); id <= s.committed.Load() {
					return errDamaged
				}
				return fn(tx)
			})
		})
		if err == nil {
			s.committed.Store(id)
		}
		return err
	})
}

// use calls fn, unless the file is damaged.
func (s *store) use(fn func() error) error {
	if s.damaged.Load() {
		return errDamaged
	}
	return s.note(withoutPanic(fn))
}

// note remembers that the file is damaged, for whoever writes it; nobody uses it from then on.
func (s *store) note(err error) error {
	for _, headLost := range []error{bolterrors.ErrInvalid, bolterrors.ErrChecksum, bolterrors.ErrVersionMismatch, bolterrors.ErrInvalidMapping} {
		if errors.Is(err, headLost) {
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	if errors.Is(err, errDamaged) {
		s.damaged.Store(true)
	}
	return err
}

// unlessStuck calls fn, and waits no longer than closing once bbolt keeps its locks.
func (s *store) unlessStuck(fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-s.stuck:
		return soon(done)
	}
}

// soon waits for an error no longer than closing.
func soon(done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-time.After(closing):
		return errDamaged
	}
}

// close closes the file once nobody reads it.
func (s *store) close() error {
	shut := func() error { return withoutPanic(s.db.Close) }
	if !s.damaged.Load() {
		return s.unlessStuck(shut)
	}
	done := make(chan error, 1)
	go func() { done <- shut() }()
	return soon(done)
}

// removeIfDamaged makes the next store an empty one.
func (s *store) removeIfDamaged() {
	if s.damaged.Load() && !s.gone() {
		_ = os.Remove(s.path) // if it cannot be removed, the next one finds it damaged too
	}
}
