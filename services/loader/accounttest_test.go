package loader

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const testRun = testAccount + ".p7"

// asked writes the state of an account test, as the scheduler does.
func (w *world) asked(run string) {
	w.control(w.topics.State(), testAccount, run, schemas.State{Import: testAccount, LastNumber: 7, Active: &schemas.ActiveRun{
		Run: run, Number: 7, Attempt: 1, Mode: schemas.ModeAccountTest, State: schemas.StateExtracting,
		Spec: schemas.ImportSpec{Destination: schemas.Destination{AccountRef: testAccount}},
	}})
}

// foundOf returns the answers to account tests.
func (w *world) foundOf(run string) (out []schemas.AccountTest) {
	w.t.Helper()
	tp := kafka.TP{Topic: w.topics.Reports(), Partition: schemas.ControlPartition(run)}
	_, err := w.reader.ReadTo(context.Background(), tp, 0, func(r *kafka.Record) error {
		var report schemas.Report
		if err := json.Unmarshal(r.Value, &report); err != nil {
			return err
		}
		if report.Account != nil && report.Run == run {
			out = append(out, *report.Account)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// tested has the account tested and returns the states of the checks by name.
func (w *world) tested() (map[string]schemas.Check, schemas.AccountTest) {
	w.t.Helper()
	w.asked(testRun)
	w.await("the answer", 20*time.Second, func() bool { return len(w.foundOf(testRun)) > 0 })
	found := w.foundOf(testRun)
	if len(found) != 1 {
		w.t.Fatalf("%d answers to one test", len(found))
	}
	checks := map[string]schemas.Check{}
	for _, c := range found[0].Checks {
		checks[c.Name] = c
		if c.State == schemas.CheckFailed && c.Action == "" {
			w.t.Errorf("%s says nothing to do: %+v", c.Name, c)
		}
		if strings.Contains(c.Finding+c.Action, "pass\n") || c.Finding == "" {
			w.t.Errorf("%+v", c)
		}
	}
	if len(checks) != 6 {
		w.t.Errorf("checks %+v: a check that failed hides others", found[0].Checks)
	}
	return checks, found[0]
}

func (w *world) wantChecks(got map[string]schemas.Check, want map[string]string) {
	w.t.Helper()
	for name, state := range want {
		if got[name].State != state {
			w.t.Errorf("%s is %+v, want %s", name, got[name], state)
		}
	}
}

// TestAccountTest: what each answer of CleverTap's shows, and that nothing is stored.
func TestAccountTest(t *testing.T) {
	t.Parallel()
	const (
		good, warn, bad, dark = schemas.CheckOK, schemas.CheckWarning, schemas.CheckFailed, schemas.CheckUnknown
	)
	for name, c := range map[string]struct {
		answer func(request int) answer
		want   map[string]string
		says   string
	}{
		"all is well": {
			func(int) answer { return answer{} },
			map[string]string{checkDefinition: good, checkNetwork: good, checkCredentials: good, checkRegion: good, checkClock: good, checkLimits: good},
			"5 requests at once are taken",
		},
		"a wrong passcode": {
			func(int) answer {
				return answer{status: 401, body: `{"status":"fail","error":"Invalid Credentials","code":401}`}
			},
			map[string]string{checkNetwork: good, checkCredentials: bad, checkRegion: dark, checkClock: good, checkLimits: dark},
			"refuses the account id with this passcode",
		},
		"a wrong region": {
			func(int) answer {
				return answer{status: 401, body: `{"status":"fail","error":"Account ID is not valid","code":401}`}
			},
			map[string]string{checkNetwork: good, checkCredentials: bad, checkRegion: bad, checkClock: good},
			"this region has no account with this id",
		},
		"a firewall": {
			func(int) answer { return answer{status: 403, body: `<html>denied`} },
			map[string]string{checkNetwork: bad, checkCredentials: dark, checkRegion: dark, checkClock: dark, checkLimits: dark},
			"not in CleverTap's form",
		},
		"an outage": {
			func(int) answer { return answer{status: 500, body: `oops`} },
			map[string]string{checkNetwork: bad, checkCredentials: dark},
			"status 500",
		},
		"another client uses the slots": {
			func(request int) answer {
				if request > 3 {
					return answer{status: 429, body: `{"status":"fail","error":"Too many concurrent requests","code":429}`}
				}
				return answer{}
			},
			map[string]string{checkCredentials: good, checkRegion: good, checkLimits: warn},
			"of 5 requests at once CleverTap refused 3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account(schemas.CleverTapAccountSpec{Slots: 5})
			w.cleverTap.decide = func(request int, _ []sent) answer { return c.answer(request) }
			w.start()
			got, found := w.tested()
			w.wantChecks(got, c.want)
			text, err := json.Marshal(found)
			if err != nil || !strings.Contains(string(text), c.says) {
				t.Errorf("%q is not in %s (%v)", c.says, text, err)
			}
			w.cleverTap.mu.Lock()
			defer w.cleverTap.mu.Unlock()
			if w.cleverTap.checks != w.cleverTap.requests || len(w.cleverTap.applied) != 0 || w.cleverTap.most > 5 {
				t.Errorf("%d of %d requests ask to store nothing, %d records were stored, %d requests at once",
					w.cleverTap.checks, w.cleverTap.requests, len(w.cleverTap.applied), w.cleverTap.most)
			}
		})
	}
}

// TestAccountTestOfWhatCannotBeAsked: the network, the definition or a freeze keeps the
// loader from asking, and each check is answered nevertheless.
func TestAccountTestOfWhatCannotBeAsked(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	for name, c := range map[string]struct {
		prepare func(w *world)
		want    map[string]string
		says    string
	}{
		"nobody listens": {
			func(w *world) { w.account(schemas.CleverTapAccountSpec{Endpoint: away.URL}) },
			map[string]string{checkDefinition: schemas.CheckOK, checkNetwork: schemas.CheckFailed, checkCredentials: schemas.CheckUnknown}, "TCP: no connection",
		},
		"no such name": {
			func(w *world) { w.account(schemas.CleverTapAccountSpec{Endpoint: "http://clevertap.invalid"}) },
			map[string]string{checkNetwork: schemas.CheckFailed}, "DNS: the name clevertap.invalid does not resolve",
		},
		"another's certificate": {
			func(w *world) { w.account(schemas.CleverTapAccountSpec{Endpoint: tls.URL}) },
			map[string]string{checkNetwork: schemas.CheckFailed}, "TLS: the certificate",
		},
		"no such path": {
			func(w *world) {
				other := httptest.NewServer(http.NotFoundHandler())
				w.t.Cleanup(other.Close)
				w.account(schemas.CleverTapAccountSpec{Endpoint: other.URL})
			},
			map[string]string{checkNetwork: schemas.CheckFailed}, "status 404",
		},
		"not allowed": {
			func(w *world) { w.tune = func(c *Config) { c.AllowCustomEndpoints = false } },
			map[string]string{checkDefinition: schemas.CheckFailed, checkNetwork: schemas.CheckUnknown}, "endpoint of its own",
		},
		"frozen": {
			func(w *world) {
				w.control(w.topics.Resources(), "", schemas.ResourceKey(schemas.KindFreeze, "holiday"), schemas.Resource{
					APIVersion: schemas.APIVersion, Kind: schemas.KindFreeze, Metadata: schemas.Metadata{Name: "holiday"}, Spec: json.RawMessage(`{"reason":"r"}`),
				})
			},
			map[string]string{checkDefinition: schemas.CheckOK, checkNetwork: schemas.CheckUnknown, checkCredentials: schemas.CheckUnknown}, "tapline unfreeze holiday",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.prepare(w)
			w.start()
			got, found := w.tested()
			w.wantChecks(got, c.want)
			text, err := json.Marshal(found)
			if err != nil || !strings.Contains(string(text), c.says) {
				t.Errorf("%q is not in %s (%v)", c.says, text, err)
			}
			if n, _ := w.cleverTap.stats(); n != 0 {
				t.Errorf("CleverTap got %d requests", n)
			}
		})
	}
}

// TestAccountTestOfTwoLoaders: one of them answers, and the slots are shared.
func TestAccountTestOfTwoLoaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tune = func(c *Config) { c.MaxReplicas = 2 }
	w.account(schemas.CleverTapAccountSpec{Slots: 4})
	w.start()
	w.start()
	got, _ := w.tested()
	w.wantChecks(got, map[string]string{checkCredentials: schemas.CheckOK, checkLimits: schemas.CheckOK})
	if found := w.foundOf(testRun); len(found) != 1 {
		t.Errorf("two loaders have answered %d times", len(found))
	}
}
