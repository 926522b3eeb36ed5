package loader

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
)

const (
	// confirmWithin is how old the loader's knowledge of the freezes and of the
	// suppression list may be when an upload is screened.
	confirmWithin = time.Second
	// freezeWithin is how old the loader's knowledge of the freezes may be when the
	// first byte of a request is written: after it no upload begins any more that a
	// freeze holds, whatever hinders the loader from reading it.
	freezeWithin = 2 * time.Second
	// writeWithin is the same when the first byte of a request is written. It is the
	// time after which no upload begins any more that holds a person whose suppression
	// was acknowledged, whatever hinders the loader from reading the list.
	writeWithin = 5 * time.Second
)

var (
	errStaleFreezes = errors.New("the freezes were not read to their end lately")
	errStaleList    = errors.New("the suppression list was not read to its end lately")
	errSuppressed   = errors.New("a person in the request was suppressed meanwhile")
)

// screen takes suppressed people out of an upload. Extractor and mapper have left out
// those that they knew of. This check decides, because it comes after everything that a
// record may have waited for: topics, retries, a freeze.
func (m *member) screen(u *upload) error {
	if err := m.confirmFreezes(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(m.work, writeWithin)
	defer cancel()
	if err := m.suppressed.Confirm(ctx, confirmWithin); err != nil {
		m.log().WarnContext(m.work, "the suppression list cannot be read to its end, nothing is sent", slog.Any("error", err))
		return err
	}
	u.screened = m.suppressed.Version() // before looking, so that a change between is noticed
	if err := m.suppressed.Comparable(u.destination.name); err != nil {
		return err
	}
	checker := m.suppressed.Checker(u.destination.name)
	if checker.Nobody() {
		return nil
	}
	for i := range u.delivery.Undecided() {
		if checker.Has(u.identity(i)) {
			u.delivery.Drop(i, delivery.Outcome{Skip: schemas.SkipSuppressed})
		}
	}
	return nil
}

// confirmFreezes reads the freezes to the end of their topic. It is called again once the
// intent is written, which may have taken long: maySend refuses a request if the freezes
// were last read longer than freezeWithin ago.
func (m *member) confirmFreezes() error {
	ctx, cancel := context.WithTimeout(m.work, writeWithin)
	defer cancel()
	err := m.accounts.resources.Confirm(ctx, confirmWithin)
	if err != nil {
		m.log().WarnContext(m.work, "the freezes cannot be read to their end, nothing is sent", slog.Any("error", err))
	}
	return err
}

// maySend returns an error unless the freezes are known and nobody in a request is
// suppressed at the moment that it is written. It changes nothing: it runs in the
// connection's goroutine.
func (m *member) maySend(u *upload, set []int) error {
	if m.accounts.resources.Age() > freezeWithin {
		return errStaleFreezes
	}
	if m.suppressed.Age() > writeWithin {
		return errStaleList
	}
	if m.suppressed.Version() == u.screened {
		return nil
	}
	if err := m.suppressed.Comparable(u.destination.name); err != nil {
		return err
	}
	checker := m.suppressed.Checker(u.destination.name)
	for _, i := range set {
		if checker.Has(u.identity(i)) {
			return errSuppressed
		}
	}
	return nil
}

// identity is that of a record: its key. The records of a trial are keyed by the
// trial.
func (u *upload) identity(i int) []byte {
	r := u.batch.Items[i].Record
	if !schemas.IsTrial(u.subject) {
		return r.Key
	}
	var record struct {
		Identity string `json:"identity"`
		ObjectID string `json:"objectId"`
	}
	if json.Unmarshal(r.Value, &record) != nil {
		return nil // CleverTap refuses what is no JSON
	}
	if record.Identity == "" {
		return []byte(record.ObjectID)
	}
	return []byte(record.Identity)
}
