package suppression

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const (
	oldKey = "old-old-old-old-old-old-old-old-old"
	newKey = "new-new-new-new-new-new-new-new-new"
)

func listWith(t testing.TB, keys string) *List {
	t.Helper()
	l, err := New(Config{Keys: config.Secret(keys)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func suppress(t testing.TB, l, with *List, account, identity string) *kafka.Record {
	t.Helper()
	key, err := with.Checker(account).New([]byte(identity))
	if err != nil {
		t.Fatal(err)
	}
	rec := &kafka.Record{Key: []byte(key.String()), Value: []byte(`{"since":"2026-11-23T10:00:00Z"}`)}
	l.Apply(rec)
	return rec
}

func TestList(t *testing.T) {
	t.Parallel()
	l := listWith(t, newKey)
	rec := suppress(t, l, l, "main", "zoe@example.com")
	if strings.Contains(string(rec.Key), "zoe") {
		t.Errorf("the record names the person: %s", rec.Key)
	}
	for _, c := range []struct {
		account, identity string
		want              bool
	}{
		{"main", "zoe@example.com", true},
		{"main", "  zoe@example.com\n", true},
		{"main", "Zoe@example.com", false},
		{"main", "zoe@example.co", false},
		{"main", "", false},
		{"other", "zoe@example.com", false},
	} {
		if got := l.Checker(c.account).Has([]byte(c.identity)); got != c.want {
			t.Errorf("%q in %s: %v, want %v", c.identity, c.account, got, c.want)
		}
	}
	found := l.Checker("main").Find([]byte("zoe@example.com"))
	if len(found) != 1 || !found[0].Since.Equal(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("found %+v", found)
	}
	version := l.Version()
	l.Apply(&kafka.Record{Key: rec.Key})
	if l.Checker("main").Has([]byte("zoe@example.com")) || l.Version() == version || len(l.Counts("main")) > 0 {
		t.Error("a tombstone removes nobody")
	}
}

// TestHashesTellNothingAcrossAccounts: entries of one person in two accounts have
// nothing in common, and another key gives another hash.
func TestHashesTellNothingAcrossAccounts(t *testing.T) {
	t.Parallel()
	hash := func(keys, account, identity string) schemas.SuppressionHash {
		k, err := listWith(t, keys).Checker(account).New([]byte(identity))
		if err != nil {
			t.Fatal(err)
		}
		return k.Hash
	}
	seen := map[schemas.SuppressionHash]string{}
	for _, c := range [][3]string{
		{newKey, "main", "42"}, {newKey, "other", "42"}, {oldKey, "main", "42"}, {newKey, "main", "43"}, {newKey, "main4", "2"},
	} {
		h := hash(c[0], c[1], c[2])
		if same := seen[h]; same != "" {
			t.Errorf("%v has the hash of %s", c, same)
		}
		seen[h] = fmt.Sprint(c)
	}
}

// TestRotation: entries of an older key count while the key is configured, and stop
// everything for their account, and for no other, once it is not.
func TestRotation(t *testing.T) {
	t.Parallel()
	older := listWith(t, oldKey)
	both, only := listWith(t, newKey+"\n"+oldKey+"\n"), listWith(t, newKey)
	none := listWith(t, "")
	for _, l := range []*List{both, only, none} {
		suppress(t, l, older, "main", "42")
	}
	if !both.Checker("main").Has([]byte("42")) || both.Comparable("main") != nil {
		t.Error("an older key is not used")
	}
	want := []Count{{KeyID: older.keys[0].id, Entries: 1, Known: true}}
	if got := both.Counts("main"); len(got) != 1 || got[0] != want[0] {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
	for name, l := range map[string]*List{"another key": only, "no key": none} {
		if err := l.Comparable("main"); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), older.keys[0].id) {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.Comparable("other"); err != nil {
			t.Errorf("%s: another account: %v", name, err)
		}
	}
	if _, err := none.Checker("main").New([]byte("42")); !errors.Is(err, ErrNoKey) {
		t.Errorf("an entry without a key: %v", err)
	}
}

// TestUnreadableRecords: one whose key names nobody stops everything until it is
// deleted; one whose value cannot be read suppresses nonetheless.
func TestUnreadableRecords(t *testing.T) {
	t.Parallel()
	l := listWith(t, newKey)
	l.Apply(&kafka.Record{Key: []byte("what is this"), Value: []byte("{}")})
	if err := l.Comparable("main"); !errors.Is(err, ErrUnreadable) {
		t.Errorf("comparable: %v", err)
	}
	l.Apply(&kafka.Record{Key: []byte("what is this")})
	if err := l.Comparable("main"); err != nil {
		t.Errorf("after its deletion: %v", err)
	}
	rec := suppress(t, l, l, "main", "42")
	l.Apply(&kafka.Record{Key: rec.Key, Value: []byte("{")})
	if found := l.Checker("main").Find([]byte("42")); len(found) != 1 || !found[0].Since.IsZero() {
		t.Errorf("found %+v", found)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for keys, ok := range map[string]bool{
		"": true, newKey: true, newKey + "," + oldKey: true, newKey + "\r\n" + oldKey + "\n\n": true,
		"short": false, newKey + ",short": false, ",": false, strings.Repeat(newKey+",", maxKeys+1): false,
	} {
		err := Config{Keys: config.Secret(keys)}.Validate()
		if (err == nil) != ok {
			t.Errorf("%q: %v", keys, err)
		}
		if err != nil && strings.Contains(err.Error(), "new-new") {
			t.Errorf("the error repeats a key: %v", err)
		}
	}
}

// TestAMillion: the list of a million people stays small.
func TestAMillion(t *testing.T) {
	l := listWith(t, newKey)
	checker := l.Checker("main")
	before := heap()
	began := time.Now()
	batch := make([]*kafka.Record, 0, 1000)
	for i := range 1_000_000 {
		key, err := checker.New(fmt.Appendf(nil, "user-%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if batch = append(batch, &kafka.Record{Key: []byte(key.String()), Value: []byte(`{"since":"2026-11-23T10:00:00Z"}`)}); len(batch) == cap(batch) {
			l.Apply(batch...)
			batch = batch[:0]
		}
	}
	took := time.Since(began)
	clear(batch)
	grown := heap() - before
	t.Logf("a million people take %d MiB, and %s to take in", grown>>20, took)
	if grown > 64<<20 {
		t.Errorf("a million people take %d MiB", grown>>20)
	}
	if !checker.Has([]byte("user-999999")) || checker.Has([]byte("user-1000000")) {
		t.Error("the list is wrong")
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkHas(b *testing.B) {
	l := listWith(b, newKey)
	suppress(b, l, l, "main", "42")
	c, identity := l.Checker("main"), []byte("zoe@example.com")
	for b.Loop() {
		c.Has(identity)
	}
}
