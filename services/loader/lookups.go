package loader

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

const (
	// openLookups bounds the look-ups that a loader remembers; whoever asked for one
	// that is dropped waits until its deadline.
	openLookups = 20_000
	// lookupBatch is how many a task answers before freezes and ownership are looked at
	// again, lookupsAtOnce how many profiles CleverTap lets an account look up at once.
	lookupBatch   = 60
	lookupsAtOnce = 3
)

// lookupQueue are the look-ups that nobody has answered yet, as far as this process
// knows. Every loader follows them all, and the owner of the account's partition of the
// dry runs' topic answers: so each has one loader, and another one if that dies.
type lookupQueue struct {
	mu    sync.Mutex
	open  []schemas.Lookup
	turns map[string]chan struct{} // by account: a place for each look-up that may be in flight
}

// turn waits until a look-up of an account may begin: those that people ask for and those of
// verifications share what CleverTap allows. done gives the turn back.
func (q *lookupQueue) turn(ctx context.Context, account string) (done func(), ok bool) {
	q.mu.Lock()
	turns := q.turns[account]
	if turns == nil {
		if q.turns == nil {
			q.turns = map[string]chan struct{}{}
		}
		turns = make(chan struct{}, lookupsAtOnce)
		q.turns[account] = turns
	}
	q.mu.Unlock()
	select {
	case turns <- struct{}{}:
		return func() { <-turns }, true
	case <-ctx.Done():
		return nil, false
	}
}

// Apply takes in look-ups.
func (q *lookupQueue) Apply(records ...*kafka.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, rec := range records {
		var l schemas.Lookup
		if json.Unmarshal(rec.Value, &l) == nil && l.Until.After(now) && len(q.open) < openLookups {
			q.open = append(q.open, l)
		}
	}
}

// Clear forgets everything.
func (q *lookupQueue) Clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = nil
}

// accounts are those that a look-up is open for. Those that nobody waits for are dropped.
func (q *lookupQueue) accounts(now time.Time) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	out, kept := map[string]bool{}, q.open[:0]
	for _, l := range q.open {
		if l.Until.After(now) {
			out[l.Account] = true
			kept = append(kept, l)
		}
	}
	clear(q.open[len(kept):])
	q.open = kept
	return out
}

// take removes the first look-ups of an account.
func (q *lookupQueue) take(account string) (taken []schemas.Lookup) {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.open[:0]
	for _, l := range q.open {
		if l.Account == account && len(taken) < lookupBatch {
			taken = append(taken, l)
			continue
		}
		kept = append(kept, l)
	}
	clear(q.open[len(kept):])
	q.open = kept
	return taken
}

// lookPeopleUp begins to answer the look-ups of accounts whose partition this loader owns.
func (l *loop) lookPeopleUp(now time.Time) {
	for name := range l.lookups.accounts(now) {
		if l.lookingUp[name] || !l.ownsTest(name) {
			continue
		}
		l.lookingUp[name] = true
		l.start(func() {
			l.answerLookups(name)
			l.post(func(l *loop, _ time.Time) { delete(l.lookingUp, name) })
		})
	}
}

// answerLookups answers some look-ups of an account. What it has taken and cannot write
// an answer for is answered by nobody: whoever asks waits until its deadline.
func (m *member) answerLookups(name string) {
	ctx, cancel := context.WithTimeout(m.work, schemas.TrialRetention)
	defer cancel()
	if err := m.accounts.resources.ReadToEnd(ctx); err != nil {
		return // Kafka is away; the look-ups stay open
	}
	uses, _, err := m.accounts.resolve(m.accounts.lookup(name), m.cfg.RequestTimeout)
	taken := m.lookups.take(name)
	freeze, frozen := m.frozenBy(name, "") // known only now that the log has been read to its end
	switch {
	case frozen:
		m.refuseLookups(ctx, taken, schemas.LookupFrozen, "the freeze "+freeze.Name+" holds the account: tapline unfreeze "+freeze.Name+" ends it")
		return
	case err != nil:
		m.refuseLookups(ctx, taken, schemas.LookupUnusable, "the account cannot be used: "+err.Error())
		return
	}
	client := m.connect(uses)
	defer client.Close()
	profiles, ok := client.(profileReader)
	if !ok {
		return
	}
	next := make(chan schemas.Lookup)
	var asking sync.WaitGroup
	for range lookupsAtOnce {
		asking.Go(func() {
			for l := range next {
				done, ok := m.lookups.turn(ctx, name)
				if !ok {
					continue
				}
				a := lookUp(ctx, profiles, l)
				done()
				m.answerLookup(ctx, a)
			}
		})
	}
	for _, l := range taken {
		next <- l
	}
	close(next)
	asking.Wait()
}

func (m *member) refuseLookups(ctx context.Context, taken []schemas.Lookup, outcome, reason string) {
	for _, l := range taken {
		m.answerLookup(ctx, schemas.LookupAnswer{ID: l.ID, Account: l.Account, Outcome: outcome, Reason: reason, Time: time.Now().UTC()})
	}
}

// lookUp asks CleverTap for one profile. A reason never repeats the identity.
func lookUp(ctx context.Context, profiles profileReader, l schemas.Lookup) schemas.LookupAnswer {
	began := time.Now()
	ctx, cancel := context.WithDeadline(ctx, l.Until)
	defer cancel()
	profile, err := profiles.Profile(ctx, l.By, l.Value)
	a := schemas.LookupAnswer{ID: l.ID, Account: l.Account, Outcome: schemas.LookupFound, Profile: profile, Time: time.Now().UTC(), Millis: time.Since(began).Milliseconds()}
	switch {
	case errors.Is(err, clevertap.ErrLookupRefused):
		a.Outcome, a.Reason = schemas.LookupRefused, "CleverTap refuses the account's credentials: tapline account test "+l.Account+" says more"
	case errors.Is(err, clevertap.ErrLookupTooLarge):
		a.Outcome, a.Reason = schemas.LookupTooLarge, "CleverTap's answer is larger than a profile may be here"
	case err != nil:
		a.Outcome, a.Reason = schemas.LookupUnanswered, "CleverTap gave no answer that could be read"
	case profile == nil:
		a.Outcome = schemas.LookupNotFound
	}
	return a
}

func (m *member) answerLookup(ctx context.Context, a schemas.LookupAnswer) {
	rec, err := control.Record(m.topics.LookupAnswers(), a.Account, a.Account, a, schemas.EventLookedUp, source)
	if err == nil {
		err = m.journal.write(ctx, rec)
	}
	if err != nil && m.work.Err() == nil {
		m.fail(err)
	}
}
