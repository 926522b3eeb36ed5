package loader

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// freeze writes a freeze and returns once Kafka has it.
func (w *world) freeze(name string, spec schemas.FreezeSpec) {
	w.t.Helper()
	raw, err := json.Marshal(spec)
	if err != nil {
		w.t.Fatal(err)
	}
	w.control(w.topics.Resources(), "", schemas.ResourceKey(schemas.KindFreeze, name), schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: schemas.KindFreeze, Metadata: schemas.Metadata{Name: name}, Spec: raw,
	})
}

func (w *world) unfreeze(name string) {
	w.t.Helper()
	record := control.Tombstone(w.topics.Resources(), name, schemas.ResourceKey(schemas.KindFreeze, name))
	record.Partition = 0
	if err := w.producer.Produce(context.Background(), record); err != nil {
		w.t.Fatal(err)
	}
}

// arrivals are the times at which CleverTap got requests, by import.
type arrivals struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (a *arrivals) note(importName string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at[importName] = time.Now()
}

func (a *arrivals) last(importName string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at[importName]
}

// TestAFreezeHoldsARunUnderWay: with three loaders and without Redis, nothing of a
// frozen import is sent soon after the freeze, the imports beside it continue, the run
// says why it waits, and nothing is lost or sent twice once it continues.
func TestAFreezeHoldsARunUnderWay(t *testing.T) {
	t.Parallel()
	for name, spec := range map[string]schemas.FreezeSpec{
		"by name":              {Selector: &schemas.Selector{Names: []string{"cust*"}}, By: "key:ops", Reason: "wrong mapping"},
		"by label":             {Selector: &schemas.Selector{Labels: map[string]string{"team": "crm"}}, By: "key:ops"},
		"by account and label": {Account: testAccount, Selector: &schemas.Selector{Labels: map[string]string{"team": "crm"}}, By: "key:ops"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 20})
			w.tune = func(c *Config) { c.UseRedis, c.MaxReplicas = false, 3 }
			seen := &arrivals{at: map[string]time.Time{}}
			w.cleverTap.decide = func(_ int, records []sent) answer {
				seen.note(records[0].Name)
				return answer{delay: 5 * time.Millisecond}
			}
			const n = 6000
			for _, importName := range []string{"customers", "orders"} {
				w.importOf(importName, 6, schemas.ImportSpec{})
			}
			w.control(w.topics.Imports(), "customers", "customers", schemas.Definition{
				Metadata: schemas.Metadata{Name: "customers", Labels: map[string]string{"team": "crm"}},
			})
			w.load("customers", rows(n, 6), 1000)
			w.load("orders", rows(n, 6), 1000)
			for range 3 {
				w.start()
			}
			w.await("both imports to be under way", 20*time.Second, func() bool {
				return !seen.last("customers").IsZero() && !seen.last("orders").IsZero()
			})
			w.freeze("stop", spec)
			frozen := time.Now()
			w.settled("orders", n)
			w.await("the run to say why it waits", 10*time.Second, func() bool { return waitsFor(w.tally("customers"), "frozen (stop) by key:ops") })
			// Long enough for an upload that would begin too late.
			w.await("the time in which uploads may still begin to pass", 10*time.Second, func() bool { return time.Since(frozen) > freezeWithin+time.Second })
			held := w.tally("customers").total
			if late := seen.last("customers").Sub(frozen); late > freezeWithin {
				t.Errorf("an upload of the frozen import arrived %v after the freeze", late)
			}
			if held == n {
				t.Fatal("everything was loaded before the freeze: the test shows nothing")
			}
			w.unfreeze("stop")
			w.want(w.settled("customers", n), map[string]int{"loaded": n})
			if got := len(w.cleverTap.got()); got != 2*n {
				t.Errorf("CleverTap has %d records, want %d", got, 2*n)
			}
			w.await("the wait to be over", 10*time.Second, func() bool {
				waits := w.tally("customers").waiting
				return len(waits) > 0 && waits[len(waits)-1].Over
			})
		})
	}
}

func waitsFor(got tally, reason string) bool {
	for _, w := range got.waiting {
		if strings.HasPrefix(w.Reason, reason) && !w.Over {
			return true
		}
	}
	return false
}

// TestAFreezeHoldsRetries: an upload that waits for its next try is not sent while
// it is frozen, and neither is one whose freeze comes between cutting and writing.
func TestAFreezeHoldsRetries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := make(chan struct{})
	var once sync.Once
	w.cleverTap.decide = func(int, []sent) answer {
		once.Do(func() { close(first) })
		return answer{status: 503, skip: true}
	}
	w.tune = func(c *Config) { c.BackoffMin, c.BackoffMax = 300*time.Millisecond, 300*time.Millisecond }
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(1, 1), 1)
	w.start()
	<-first
	w.freeze("stop", schemas.FreezeSpec{Account: testAccount, By: "key:ops"})
	w.await("the run to wait for the freeze", 10*time.Second, func() bool { return waitsFor(w.tally("customers"), "frozen (stop)") })
	before, _ := w.cleverTap.stats()
	over := time.Now().Add(freezeWithin)
	w.await("a few times of backoff to pass", 10*time.Second, func() bool { return time.Now().After(over) })
	if after, _ := w.cleverTap.stats(); after > before {
		t.Errorf("%d requests were sent while the account was frozen", after-before)
	}
	w.unfreeze("stop")
	w.await("the next try", 10*time.Second, func() bool { after, _ := w.cleverTap.stats(); return after > before })
}

// TestAFreezeThatCannotBeReadHolds: what it freezes is not known, so it freezes all.
func TestAFreezeThatCannotBeReadHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 1, schemas.ImportSpec{})
	if err := w.producer.Produce(t.Context(), &kafka.Record{
		Topic: w.topics.Resources(), Key: []byte(schemas.ResourceKey(schemas.KindFreeze, "broken")), Value: []byte("{"),
	}); err != nil {
		t.Fatal(err)
	}
	w.load("customers", rows(10, 1), 10)
	w.start()
	w.await("the run to wait", 10*time.Second, func() bool { return waitsFor(w.tally("customers"), "frozen (broken)") })
	if requests, _ := w.cleverTap.stats(); requests > 0 {
		t.Errorf("%d requests were sent", requests)
	}
	w.unfreeze("broken")
	w.want(w.settled("customers", 10), map[string]int{"loaded": 10})
}

// TestFreezesThatCannotBeReadHold: a loader that has not read the freezes to their end
// lately sends nothing: neither one that begins, nor one that is about to write its
// request. Here an open transaction hides what follows it.
func TestFreezesThatCannotBeReadHold(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"from the start": false, "between the intent and the write": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.importOf("customers", 1, schemas.ImportSpec{})
			w.load("customers", []row{{identity: "zoe"}, {identity: "max"}}, 2)
			tx, err := kafka.OpenTransactor(t.Context(), w.kafka, w.deps, "hides")
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Close()
			hide := func() {
				if err := tx.Begin(); err != nil {
					t.Error(err)
				}
				tp := kafka.TP{Topic: w.topics.Resources()}
				before, err := w.reader.EndOffset(t.Context(), tp)
				if err != nil {
					t.Error(err)
				}
				tx.Produce(&kafka.Record{Topic: tp.Topic, Key: []byte("hidden"), Value: []byte("{}")})
				w.await("the record to be in the log", 10*time.Second, func() bool {
					end, err := w.reader.EndOffset(t.Context(), tp)
					return err == nil && end > before
				})
			}
			hidden := make(chan struct{})
			if !late {
				hide()
				close(hidden)
			}
			var once sync.Once
			w.prepare = func(s *Service) {
				connect := s.connect
				s.connect = func(a clevertap.Account) uploader {
					return &askedUploader{connect(a), func(allow func() error) {
						once.Do(func() {
							if !late {
								return
							}
							hide()
							w.await("what is known of the freezes to be old", 10*time.Second, func() bool {
								return s.accounts.resources.Age() > freezeWithin
							})
							if err := allow(); !errors.Is(err, errStaleFreezes) {
								t.Errorf("the write was allowed with %v, want %v", err, errStaleFreezes)
							}
							close(hidden)
						})
					}}
				}
			}
			w.start()
			<-hidden
			over := time.Now().Add(time.Second)
			w.await("time to send in", 5*time.Second, func() bool { return time.Now().After(over) })
			if requests, _ := w.cleverTap.stats(); requests > 0 {
				t.Errorf("%d requests were sent while freezes may have been hidden", requests)
			}
			if err := tx.Abort(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.want(w.settled("customers", 2), map[string]int{"loaded": 2})
		})
	}
}

// askedUploader calls a hook before each request is written, with what allows the write.
type askedUploader struct {
	uploader
	before func(allow func() error)
}

func (u *askedUploader) UploadIf(ctx context.Context, records [][]byte, dryRun bool, allow func() error) (clevertap.Result, error) {
	return u.uploader.UploadIf(ctx, records, dryRun, func() error {
		u.before(allow)
		return allow()
	})
}
