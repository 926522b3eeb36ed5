package loader

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/redis"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/clevertap"
)

// secretFile returns a file, the reference to it, and what replaces its content.
func secretFile(t *testing.T) (ref string, put func(string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	return "ref+file://" + path, func(value string) {
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// resource is an account's definition.
func resource(t *testing.T, spec schemas.CleverTapAccountSpec) schemas.Resource {
	t.Helper()
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.Resource{
		APIVersion: schemas.APIVersion, Kind: schemas.KindCleverTapAccount, Metadata: schemas.Metadata{Name: testAccount}, Spec: raw,
	}
}

// define passes the definition of an account to a member whose loop does not run.
func (m *member) define(t *testing.T, spec schemas.CleverTapAccountSpec) {
	t.Helper()
	value, err := json.Marshal(resource(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	m.accounts.resources.Apply(&kafka.Record{Key: []byte(schemas.ResourceKey(schemas.KindCleverTapAccount, testAccount)), Value: value})
}

func TestARotatedPasscodeIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var valid atomic.Value
	valid.Store("old")
	var refused atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-CleverTap-Passcode") != valid.Load() {
			refused.Add(1)
			http.Error(rw, `{"status":"fail"}`, http.StatusUnauthorized)
			return
		}
		w.cleverTap.ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	ref, put := secretFile(t)
	put("old")
	w.control(w.topics.Resources(), "", schemas.ResourceKey(schemas.KindCleverTapAccount, testAccount),
		resource(t, schemas.CleverTapAccountSpec{Endpoint: front.URL, AccountID: ref, Passcode: ref}))
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", rows(10, 1), 10)
	w.start()
	w.settled("customers", 10)
	valid.Store("new")
	w.load("customers", []row{{identity: "late"}}, 1)
	w.await("some probes to be refused", 10*time.Second, func() bool { return refused.Load() >= 3 })
	put("new")
	w.want(w.settled("customers", 11), map[string]int{"loaded": 11})
}

// happened waits for the tasks and then handles the events that they posted, because the
// loop does not run.
func (l *loop) happened(now time.Time) {
	l.tasks.Wait()
	for {
		select {
		case e := <-l.events:
			e(l, now)
		default:
			return
		}
	}
}

// follow makes a member whose loop does not run follow an account's definition.
func (l *loop) follow(now time.Time) *destination {
	d := l.destination(testAccount, now)
	l.happened(now)
	return d
}

// While the secrets of a refused account do not change, the loader probes the account at
// growing intervals.
func TestARefusedAccountBacksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLoop(w.newMember())
	ref, put := secretFile(t)
	put("old")
	l.define(t, schemas.CleverTapAccountSpec{Endpoint: w.cleverTap.URL, AccountID: ref, Passcode: ref})
	now := time.Now()
	d := l.follow(now)
	refused := account.Answer{Result: clevertap.Result{Kind: clevertap.AuthRefused, Status: 401}}
	d.account.RequestBegan()
	l.answered(d, d.conn, refused, now)
	for range 10 {
		now = d.account.NextProbe()
		before := d.conn
		if l.follow(now); d.conn != before {
			t.Fatal("connected anew with the same secrets")
		}
		if !d.account.TryProbe(now) {
			t.Fatal("no check is due")
		}
		d.account.Probed(refused, now)
		d.rereadSecrets = true
	}
	if wait, least := d.account.NextProbe().Sub(now), l.cfg.BackoffMax/2; wait < least {
		t.Errorf("the next check is due in %v, want %v at least", wait, least)
	}
	put("new")
	before := d.conn
	if l.follow(d.account.NextProbe()); d.conn == before {
		t.Error("the new secret is not used")
	}
}

// An edit points an account at another CleverTap account, of which nothing is
// leased yet; other loaders may use the slots of the former account.
func TestALeaseDoesNotOutliveItsPool(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.newMember()
	m.leases = redis.NewLeases(m.redis)
	l := newLoop(m)
	ref, put := secretFile(t)
	define := func(id string) {
		put(id)
		l.define(t, schemas.CleverTapAccountSpec{Endpoint: w.cleverTap.URL, AccountID: ref, Passcode: ref})
	}
	othersIn := func(pool string) int {
		t.Helper()
		lease, err := l.leases.Acquire(t.Context(), redis.LeaseRequest{Pool: pool, Holder: "another", Limit: 15, TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return lease.Others
	}
	define("one")
	now := time.Now()
	d := l.follow(now)
	d.candidates = []*candidate{{}} // there is work
	l.leaseFor(d, now)
	l.happened(now)
	for range 2 { // the second time Redis is no stranger
		d.account.LeaseGranted(redis.Lease{Granted: 15, Fair: 15, Age: time.Hour, Until: now.Add(time.Minute)}, now)
	}
	one, old := d.pool, d.conn
	if d.account.Free(now) != 15 || othersIn(one) == 0 {
		t.Fatalf("%d requests may go, %d slots are leased: the test shows nothing", d.account.Free(now), othersIn(one))
	}

	d.account.RequestBegan()
	define("two")
	now = now.Add(l.cfg.RequestTimeout / 2)
	if l.follow(now); d.pool == one || d.conn == old {
		t.Fatal("the definition is not followed")
	}
	if n := d.account.Free(now); n > 0 {
		t.Errorf("%d requests may go to an account of which no slot is leased", n)
	}
	l.leaseFor(d, now)
	l.happened(now)
	if othersIn(one) == 0 {
		t.Error("the lease was given back with a request in flight")
	}
	d.account.RequestEnded()
	l.leaseFor(d, now)
	l.happened(now)
	if n := othersIn(one); n != 0 {
		t.Errorf("%d slots of the account before are still leased", n)
	}
}
