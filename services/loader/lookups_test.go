package loader

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// profileServer answers look-ups as CleverTap does, and notes how many are in flight.
type profileServer struct {
	*httptest.Server
	asked, inFlight, most atomic.Int32
}

// raiseMost notes how many look-ups have been in flight at once.
func (p *profileServer) raiseMost(now int32) {
	for {
		most := p.most.Load()
		if now <= most || p.most.CompareAndSwap(most, now) {
			return
		}
	}
}

func newProfileServer(t *testing.T, answer func(identity string) (status int, body string)) *profileServer {
	t.Helper()
	p := &profileServer{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		query := r.URL.Query()
		identity := query.Get("identity") + query.Get("objectId")
		if identity != "" { // else it is an upload
			p.raiseMost(p.inFlight.Add(1))
		}
		status, body := answer(identity)
		if identity != "" {
			p.inFlight.Add(-1) // whoever gets the answer may ask again before this function ends
		}
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(body))
	}))
	t.Cleanup(p.Close)
	return p
}

// askFor writes look-ups, as Import Center does.
func (w *world) askFor(until time.Time, values ...string) {
	for _, value := range values {
		w.control(w.topics.Lookups(), testAccount, testAccount, schemas.Lookup{
			ID: "id-of-" + value, Account: testAccount, By: schemas.LookupIdentity, Value: value, Until: until,
		})
	}
}

// lookedUp returns the answers to look-ups by their ids.
func (w *world) lookedUp() map[string][]schemas.LookupAnswer {
	w.t.Helper()
	out := map[string][]schemas.LookupAnswer{}
	tp := kafka.TP{Topic: w.topics.LookupAnswers(), Partition: schemas.ControlPartition(testAccount)}
	_, err := w.reader.ReadTo(context.Background(), tp, 0, func(r *kafka.Record) error {
		var a schemas.LookupAnswer
		if err := json.Unmarshal(r.Value, &a); err != nil {
			return err
		}
		out[a.ID] = append(out[a.ID], a)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// TestLookups: each answer of CleverTap's becomes an answer, bounded in size, and no
// reason repeats the identity.
func TestLookups(t *testing.T) {
	t.Parallel()
	server := newProfileServer(t, func(identity string) (int, string) {
		switch identity {
		case "ada":
			return 200, `{"status":"success","record":{"identity":"ada","profileData":{"plan":"gold"}}}`
		case "huge":
			return 200, `{"status":"success","record":{"identity":"huge","junk":"` + strings.Repeat("x", schemas.MaxProfileBytes) + `"}}`
		case "hostile":
			return 200, `{"record":["hostile"]}`
		case "html":
			return 200, `<html>html</html>`
		case "refused":
			return 401, `{"status":"fail","error":"Invalid Credentials","code":401}`
		case "elsewhere":
			return 302, ``
		}
		return 404, `{"status":"fail","error":"Profile not found","code":404}`
	})
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{Endpoint: server.URL})
	w.askFor(time.Now().Add(-time.Second), "nobody-waits")
	w.start()
	want := map[string]string{
		"ada": schemas.LookupFound, "huge": schemas.LookupTooLarge, "hostile": schemas.LookupUnanswered, "html": schemas.LookupUnanswered,
		"refused": schemas.LookupRefused, "elsewhere": schemas.LookupUnanswered, "unknown": schemas.LookupNotFound,
	}
	for value := range want {
		w.askFor(time.Now().Add(30*time.Second), value)
	}
	w.await("the answers", 30*time.Second, func() bool { return len(w.lookedUp()) >= len(want) })
	got := w.lookedUp()
	for value, outcome := range want {
		answers := got["id-of-"+value]
		if len(answers) != 1 || answers[0].Outcome != outcome || strings.Contains(answers[0].Reason, value) && value != "refused" {
			t.Errorf("%s: %+v, want %s once", value, answers, outcome)
			continue
		}
		if (answers[0].Profile != nil) != (outcome == schemas.LookupFound) || (answers[0].Reason == "") != (outcome == schemas.LookupFound || outcome == schemas.LookupNotFound) {
			t.Errorf("%s: %+v", value, answers[0])
		}
	}
	if len(got["id-of-nobody-waits"]) > 0 {
		t.Error("a look-up that nobody waits for was answered")
	}
}

// TestLookupsWaitForALoaderAndKeepTheLimit: asked while no loader runs, answered once by
// one of two, with at most three requests at once.
func TestLookupsWaitForALoaderAndKeepTheLimit(t *testing.T) {
	t.Parallel()
	const n = 80
	server := newProfileServer(t, func(identity string) (int, string) {
		time.Sleep(5 * time.Millisecond) // CleverTap's own time, so that requests meet
		return 200, fmt.Sprintf(`{"record":{"identity":%q}}`, identity)
	})
	w := newWorld(t)
	w.tune = func(c *Config) { c.MaxReplicas = 2 }
	w.account(schemas.CleverTapAccountSpec{Endpoint: server.URL})
	for i := range n {
		w.askFor(time.Now().Add(time.Minute), fmt.Sprintf("p%d", i))
	}
	w.start()
	w.start()
	w.await("the answers", 40*time.Second, func() bool { return len(w.lookedUp()) == n })
	if most := server.most.Load(); most > 3 {
		t.Errorf("%d look-ups were in flight, CleverTap allows 3", most)
	}
}

// TestLookupsOfAFrozenAccount: nothing is asked while a freeze holds the account.
func TestLookupsOfAFrozenAccount(t *testing.T) {
	t.Parallel()
	server := newProfileServer(t, func(string) (int, string) { return 200, `{"record":{"identity":"ada"}}` })
	w := newWorld(t)
	w.account(schemas.CleverTapAccountSpec{Endpoint: server.URL})
	w.freeze("holiday", schemas.FreezeSpec{})
	w.start()
	w.askFor(time.Now().Add(30*time.Second), "ada")
	w.await("the answer", 30*time.Second, func() bool { return len(w.lookedUp()) == 1 })
	if a := w.lookedUp()["id-of-ada"][0]; a.Outcome != schemas.LookupFrozen || !strings.Contains(a.Reason, "tapline unfreeze holiday") || server.asked.Load() != 0 {
		t.Errorf("%+v, and CleverTap was asked %d times", a, server.asked.Load())
	}
}
