package loader

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
)

// lookUpRecords takes the place of send in a verification: it looks up whose the records
// are, and writes what CleverTap holds of each person. Nothing is sent to CleverTap. It
// does some records and puts the upload back, so that a drain waits for no more than these.
func (m *member) lookUpRecords(u *upload) {
	profiles, ok := u.conn.client.(profileReader)
	if !ok || m.mayWrite(u) != nil || m.screen(u) != nil {
		m.post(func(l *loop, now time.Time) { l.sentNothing(u, now) })
		return
	}
	set := u.delivery.Next()
	set = set[:min(len(set), lookupBatch)]
	if err := m.writeHeld(m.work, u, set, m.held(m.work, u, profiles, set)); err != nil {
		m.fail(err)
		m.post(func(l *loop, _ time.Time) {
			u.destination.account.RequestEnded()
			l.endUpload(u)
		})
		return
	}
	for _, i := range set {
		u.delivery.Drop(i, delivery.Outcome{Loaded: true})
	}
	m.post(func(*loop, time.Time) { u.destination.account.RequestEnded() })
	if len(u.delivery.Next()) == 0 {
		m.settle(u)
		return
	}
	u.notBefore = time.Now()
	m.post(func(l *loop, _ time.Time) { l.waitForNext(u) })
}

// held asks CleverTap for the profiles of some records, each person once. Once CleverTap
// refuses the account's credentials it is asked no more.
func (m *member) held(ctx context.Context, u *upload, profiles profileReader, set []int) map[string]schemas.LookupAnswer {
	ctx = u.context(ctx)
	by := schemas.LookupIdentity
	if u.run.Spec.Identity.Kind == schemas.KindCleverTapID {
		by = schemas.LookupObjectID
	}
	answers := map[string]schemas.LookupAnswer{}
	for _, i := range set {
		answers[string(u.identity(i))] = schemas.LookupAnswer{}
	}
	next := make(chan string)
	var mu sync.Mutex
	var refused *schemas.LookupAnswer
	var asking sync.WaitGroup
	for range lookupsAtOnce {
		asking.Go(func() {
			for identity := range next {
				done, ok := m.lookups.turn(ctx, u.destination.name)
				if !ok {
					continue // the answers are not written: the member ends
				}
				mu.Lock()
				known := refused
				mu.Unlock()
				if known == nil {
					a := lookUp(ctx, profiles, schemas.Lookup{Account: u.destination.name, By: by, Value: identity, Until: time.Now().Add(2 * m.cfg.RequestTimeout)})
					known = &a
				}
				done()
				mu.Lock()
				answers[identity] = *known
				if known.Outcome == schemas.LookupRefused {
					refused = known
				}
				mu.Unlock()
			}
		})
	}
	for _, identity := range slices.Collect(maps.Keys(answers)) {
		next <- identity
	}
	close(next)
	asking.Wait()
	return answers
}

// writeHeld makes the answers for some records durable, each under the record's own id, so
// that a repetition by another owner changes nothing.
func (m *member) writeHeld(ctx context.Context, u *upload, set []int, answers map[string]schemas.LookupAnswer) error {
	records := make([]*kafka.Record, 0, len(set))
	for _, i := range set {
		a := answers[string(u.identity(i))]
		a.ID = schemas.VerifyLookup(u.run.Run, u.batch.Items[i].ID)
		if !json.Valid(a.Profile) {
			a.Profile = nil
		}
		rec, err := control.Record(m.topics.LookupAnswers(), a.Account, a.Account, a, schemas.EventLookedUp, source)
		if err != nil {
			return err
		}
		records = append(records, rec)
	}
	if len(records) == 0 {
		return nil
	}
	failpoint.Hit("loader.before-answers")
	return m.journal.write(ctx, records...)
}
