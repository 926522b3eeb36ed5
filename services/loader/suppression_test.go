package loader

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

const (
	testKeys  = config.Secret("a-key-of-the-tests-and-of-nothing-else")
	otherKeys = config.Secret("another-key-of-the-tests-and-of-nothing")
)

// entry is the record that suppresses a person.
func (w *world) entry(keys config.Secret, account, identity string) *kafka.Record {
	w.t.Helper()
	list, err := suppression.New(suppression.Config{Keys: keys}, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := list.Checker(account).New([]byte(identity))
	if err != nil {
		w.t.Fatal(err)
	}
	return &kafka.Record{
		Topic: w.topics.Suppressions(), Partition: key.Partition(schemas.ControlPartitions),
		Key: []byte(key.String()), Value: []byte(`{"since":"2026-11-29T10:00:00Z"}`),
	}
}

// suppress suppresses people and returns once their entries are in Kafka.
func (w *world) suppress(identities ...string) {
	w.t.Helper()
	var records []*kafka.Record
	for _, identity := range identities {
		records = append(records, w.entry(testKeys, testAccount, identity))
	}
	if err := w.producer.Produce(context.Background(), records...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) release(record *kafka.Record) {
	w.t.Helper()
	if err := w.producer.Produce(context.Background(), &kafka.Record{Topic: record.Topic, Partition: record.Partition, Key: record.Key}); err != nil {
		w.t.Fatal(err)
	}
}

func withTestKeys(c *Config) { c.Suppression.Keys = testKeys }

// TestSuppressedPeopleAreNotSent: records that were in the topic before a person was
// suppressed are skipped, counted, and named in the receipts so that the ledger
// forgets them; once the person is released, the next run sends them.
func TestSuppressedPeopleAreNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tune = withTestKeys
	const n = 500
	w.importOf("customers", 2, schemas.ImportSpec{})
	all := rows(n, 2)
	gone := []string{all[3].identity, all[4].identity, all[n-1].identity}
	w.load("customers", all, 100)
	w.suppress(gone...)
	w.start()
	times := 0 // a person may have several rows
	for _, r := range all {
		if slices.Contains(gone, r.identity) {
			times++
		}
	}
	got := w.settled("customers", n)
	w.want(got, map[string]int{"loaded": n - times, "suppressed": times})
	for _, s := range w.cleverTap.got() {
		if slices.Contains(gone, s.Identity) {
			t.Errorf("%s was sent", s.Identity)
		}
	}
	if len(got.suppressed) != times {
		t.Errorf("the receipts name the rows %v, want %d", got.suppressed, times)
	}
	w.release(w.entry(testKeys, testAccount, gone[0]))
	w.state("customers", 2, 1, schemas.ImportSpec{}, nil)
	w.load("customers", []row{{identity: gone[0], run: "2.1"}, {identity: gone[1], run: "2.1"}}, 10)
	w.want(w.settled("customers", n+2), map[string]int{"loaded": n - times + 1, "suppressed": times + 1})
}

// TestSuppressionWithinTheBound: with three loaders and without Redis, a person who is
// suppressed in the middle of a run is in no upload that begins later than the bound
// after Kafka has it, also not in one that is sent again.
func TestSuppressionWithinTheBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{RecordsPerUpload: 20})
	w.tune = func(c *Config) {
		withTestKeys(c)
		c.UseRedis, c.MaxReplicas = false, 3
		c.ApplySlack = 100 * time.Millisecond
	}
	const n, people = 6000, 50
	var acknowledged atomic.Int64 // nanoseconds
	var mu sync.Mutex
	var latest time.Duration
	early := 0
	w.cleverTap.decide = func(request int, records []sent) answer {
		now, at := time.Now().UnixNano(), acknowledged.Load()
		for _, r := range records {
			if strings.HasPrefix(r.Identity, "gone") {
				mu.Lock()
				if early++; at > 0 {
					latest = max(latest, time.Duration(now-at))
				}
				mu.Unlock()
			}
		}
		if request%40 == 0 {
			return answer{status: 503, skip: true}
		}
		return answer{delay: 5 * time.Millisecond}
	}
	w.importOf("customers", 6, schemas.ImportSpec{})
	all := rows(n, 6)
	gone := make([]string, people)
	for i := range gone {
		gone[i] = "gone-" + string(rune('A'+i%26)) + string(rune('a'+i/26))
	}
	suppressed := 0
	for i := range all {
		if i%10 == 0 {
			all[i].identity = gone[i/10%people]
			all[i].partition = int32(i / 10 % people % 6)
			suppressed++
		}
	}
	w.load("customers", all, 1000)
	for range 3 {
		w.start()
	}
	w.await("people to be sent who are suppressed later", 20*time.Second, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return early > 20
	})
	w.suppress(gone...)
	acknowledged.Store(time.Now().UnixNano())
	got := w.settled("customers", n)
	mu.Lock()
	defer mu.Unlock()
	if latest > writeWithin {
		t.Errorf("an upload held a suppressed person %v after the acknowledgement", latest)
	}
	t.Logf("the last upload with one of them began %v after the acknowledgement", latest)
	if got.byOutcome["suppressed"] == 0 || got.byOutcome["loaded"]+got.byOutcome["suppressed"] != n {
		t.Errorf("outcomes are %v of %d records: the test shows nothing, or they do not add up", got.byOutcome, n)
	}
}

// TestSuppressionBeforeTheWrite: a person who is suppressed between the screening and
// the write is not sent, and the others of the upload are.
func TestSuppressionBeforeTheWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tune = withTestKeys
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", []row{{identity: "zoe"}, {identity: "max"}, {identity: "ada"}}, 3)
	var once sync.Once
	w.prepare = func(s *Service) {
		connect := s.connect
		s.connect = func(a clevertap.Account) uploader {
			return &lateUploader{connect(a), func() {
				once.Do(func() {
					version := s.suppressed.Version()
					w.suppress("max")
					w.await("the loader to know", 5*time.Second, func() bool { return s.suppressed.Version() != version })
				})
			}}
		}
	}
	w.start()
	w.want(w.settled("customers", 3), map[string]int{"loaded": 2, "suppressed": 1})
	for _, s := range w.cleverTap.got() {
		if s.Identity == "max" {
			t.Error("max was sent")
		}
	}
}

// lateUploader calls a hook just before a request of several records is written.
type lateUploader struct {
	uploader
	before func()
}

func (u *lateUploader) UploadIf(ctx context.Context, records [][]byte, dryRun bool, allow func() error) (clevertap.Result, error) {
	return u.uploader.UploadIf(ctx, records, dryRun, func() error {
		if len(records) > 1 {
			u.before()
		}
		return allow()
	})
}

// TestALoaderWithoutTheKeySendsNothing: an account with entries that the loader cannot
// compare waits, with all its records, and the loader reports why.
func TestALoaderWithoutTheKeySendsNothing(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]config.Secret{"no key": "", "another key": otherKeys} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.tune = func(c *Config) { c.Suppression.Keys = keys }
			w.importOf("customers", 1, schemas.ImportSpec{})
			entry := w.entry(testKeys, testAccount, "somebody else")
			if err := w.producer.Produce(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
			w.load("customers", rows(10, 1), 10)
			w.start()
			w.await("the run to say why it waits", 10*time.Second, func() bool {
				return waitsFor(w.tally("customers"), "the suppression list cannot be compared: suppression.keys lacks a key")
			})
			if requests, _ := w.cleverTap.stats(); requests > 0 {
				t.Errorf("%d requests were sent", requests)
			}
			w.release(entry)
			w.want(w.settled("customers", 10), map[string]int{"loaded": 10})
		})
	}
}

// TestAListThatCannotBeReadSendsNothing: while an open transaction hides what may be
// suppressions, nothing is sent.
func TestAListThatCannotBeReadSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tune = withTestKeys
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", []row{{identity: "zoe"}, {identity: "max"}}, 2)
	tx, err := kafka.OpenTransactor(t.Context(), w.kafka, w.deps, "hides")
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.Begin(); err != nil {
		t.Fatal(err)
	}
	hidden := w.entry(testKeys, testAccount, "max")
	tx.Produce(hidden)
	tp := kafka.TP{Topic: hidden.Topic, Partition: hidden.Partition}
	w.await("the record to be in the log", 10*time.Second, func() bool {
		end, err := w.reader.EndOffset(t.Context(), tp)
		return err == nil && end > 0
	})
	w.start()
	over := time.Now().Add(time.Second)
	w.await("time to send in", 5*time.Second, func() bool { return time.Now().After(over) })
	if requests, _ := w.cleverTap.stats(); requests > 0 {
		t.Errorf("%d requests were sent before the list was read", requests)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want(w.settled("customers", 2), map[string]int{"loaded": 1, "suppressed": 1})
}

// TestADryRunHoldsNoSuppressedPerson: CleverTap stores nothing of a dry run, but suppressed
// people are not sent to it even so.
func TestADryRunHoldsNoSuppressedPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tune = withTestKeys
	j := &judge{}
	w.prepare = func(s *Service) { s.connect = func(clevertap.Account) uploader { return j } }
	w.suppress("max")
	w.tryOut("customers.d1", false, "zoe", "max", "ada")
	w.start()
	w.want(w.settled("customers", 3), map[string]int{"loaded": 2, "suppressed": 1})
	j.mu.Lock()
	defer j.mu.Unlock()
	if diff := cmp.Diff([]string{tried("zoe"), tried("ada")}, j.records); diff != "" {
		t.Errorf("records sent (-want +got):\n%s", diff)
	}
}
