package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInspection(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	event := eventWith("Bought", `"n":1.50,"t":"<&>"`)
	reordered := `{"evtData":{"t":"<&>","n":1.50},"evtName":"Bought","ts":1700000000,"identity":"a","type":"event"}`
	r.mustUpload(profileWith(`"x":"<b>"`), `{"type":"profile","objectId":"o/1","profileData":{"identity":"z"}}`, event)
	r.mustUpload(event, reordered, `{"type":"event","identity":"new","ts":5,"evtName":"bOUGHT","evtData":{}}`)

	want := map[string]string{
		"/sandbox/v1/profiles/a":     `{"identity":"a","objectId":"sandbox-0","profileData":{"x":"<b>"},"events":3,"records":1}`,
		"/sandbox/v1/profiles/z":     `{"objectId":"o/1","profileData":{},"events":0,"records":1}`,
		"/sandbox/v1/profiles/o%2F1": `{"objectId":"o/1","profileData":{},"events":0,"records":1}`,
		"/sandbox/v1/profiles": `{"identity":"a","objectId":"sandbox-0","profileData":{"x":"<b>"},"events":3,"records":1}
{"objectId":"o/1","profileData":{},"events":0,"records":1}
{"identity":"new","objectId":"sandbox-2","profileData":{},"events":1,"records":0}`,
		"/sandbox/v1/events?identity=new&name=bought": `{"items":[{"identity":"new","evtName":"Bought","ts":5,"evtData":{}}]}`,
		"/sandbox/v1/events?identity=nobody":          `{"items":[]}`,
		"/sandbox/v1/stats":                           `{"profiles":3,"events":4,"uploads":2,"dryRuns":0,"refused":0,"records":6,"unprocessed":{},"duplicates":2,"notices":0,"inFlight":0,"maxInFlight":1,"connections":0}`,
	}
	for path, body := range want {
		if diff := cmp.Diff(body+"\n", r.get(path)); diff != "" {
			t.Errorf("GET %s (-want +got):\n%s", path, diff)
		}
	}
	req := r.request("GET", "/sandbox/v1/events", "")
	req.Header.Set("Accept", "application/x-ndjson")
	_, lines := r.do(req)
	wantLine := `{"identity":"a","evtName":"Bought","ts":1700000000,"evtData":{"n":1.50,"t":"<&>"}}`
	if got := strings.Split(strings.TrimSpace(lines), "\n"); len(got) != 4 || got[0] != wantLine {
		t.Errorf("events are\n%s", lines)
	}
	if status, _ := r.do(r.request("GET", "/sandbox/v1/profiles/nobody", "")); status != 404 {
		t.Errorf("a missing profile was answered %d", status)
	}
	if status, _ := r.do(r.request("POST", "/sandbox/v1/reset", "")); status != 204 {
		t.Errorf("reset was answered %d", status)
	}
	if s := r.server.Stats(); s.Profiles != 0 || s.Events != 0 || s.Uploads != 0 || s.Duplicates != 0 {
		t.Errorf("stats after reset are %+v", s)
	}
}

func TestRequestsAreKept(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Requests = 2
	r := newRig(t, cfg)
	r.mustUpload()
	req := r.request("POST", "/1/upload?dryRun=1", `{"d":[`+profileWith(`"a":1`)+`,{"type":"profile","identity":"b","profileData":{"Age":"x"}}]}`)
	req.Header.Set("Traceparent", "00-aa-bb-01")
	r.do(req)
	r.faults(`{"faults":[{"kind":"503"}]}`)
	r.upload(profileWith(`"a":1`))
	var got struct{ Items []Request }
	if err := json.Unmarshal([]byte(r.get("/sandbox/v1/requests")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Items) != 2 || got.Items[0].Seq != 2 || got.Items[1].Seq != 3 {
		t.Fatalf("requests are %+v", got.Items)
	}
	dry, failed := got.Items[0], got.Items[1]
	if !dry.DryRun || dry.Records != 2 || dry.Processed != 1 || dry.Unprocessed != 1 || dry.Applied || dry.Status != 200 ||
		dry.Traceparent != "00-aa-bb-01" || dry.FirstHash != identityHash([]byte("a")) || dry.LastHash != identityHash([]byte("b")) {
		t.Errorf("the dry run is kept as %+v", dry)
	}
	if failed.Status != 503 || failed.Fault != "503" || failed.Applied {
		t.Errorf("the failed upload is kept as %+v", failed)
	}
}

func TestHistoryKeepsTheNewestInOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	for i := range 21 {
		r.mustUpload(profileWith(fmt.Sprintf(`"v":%d`, i)))
	}
	var got struct {
		Items []struct {
			Seq    int
			Record struct{ ProfileData struct{ V int } }
		}
	}
	if err := json.Unmarshal([]byte(r.get("/sandbox/v1/history?identity=a")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Items) != 4 {
		t.Fatalf("history is %+v", got.Items)
	}
	for i, item := range got.Items {
		if item.Record.ProfileData.V != 17+i || item.Seq != 18+i {
			t.Errorf("item %d is %+v", i, item)
		}
	}
}

func TestWithoutStore(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Store = false
	r := newRig(t, cfg)
	event := eventWith("Bought", `"n":1`)
	r.mustUpload(profileWith(`"a":1`), profileWith(`"a":1`), profileWith(`"a":2`), event, event)
	s := r.server.Stats()
	if s.Profiles != 1 || s.Events != 2 || s.Records != 5 || s.Duplicates != 2 {
		t.Errorf("stats are %+v", s)
	}
}

func TestErrorStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	r.mustUpload(profileWith(`"a.b":1,"Name":["x"]`), eventWith("Buy!", `"`+strings.Repeat("k", 121)+`":1`))
	want := fmt.Sprintf(`{"items":[{"reason":"key","name":"a.b"},{"reason":"single-valued","name":"Name"},{"reason":"event name","name":"Buy!"},{"reason":"key","name":"%s"}]}`+"\n", strings.Repeat("k", 121))
	if diff := cmp.Diff(want, r.get("/sandbox/v1/errors")); diff != "" {
		t.Errorf("error stream (-want +got):\n%s", diff)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	r.mustUpload(profileWith(`"Name":"Ada","Email":"a@b.co","Phone":"+14155551234"`), eventWith("Bought", ``), eventWith("Bought", `"n":2`))
	want := decoded(t, `{"status":"success","record":{"identity":"a","name":"Ada","email":"a@b.co","phone":"+14155551234",
		"profileData":{"Name":"Ada","Email":"a@b.co","Phone":"+14155551234"},
		"events":{"Bought":{"count":2,"first_seen":1700000000,"last_seen":1700000000}},
		"platformInfo":[{"platform":"Web","objectId":"sandbox-0"}]}}`)
	for _, query := range []string{"identity=a", "email=a@b.co", "objectId=sandbox-0"} {
		if diff := cmp.Diff(want, decoded(t, r.get("/1/profile.json?"+query))); diff != "" {
			t.Errorf("look-up by %s (-want +got):\n%s", query, diff)
		}
	}
	for query, want := range map[string]int{"identity=b": 404, "email=x@y.zz": 404, "objectId=sandbox-7": 404, "": 400} {
		if status, _ := r.do(r.request("GET", "/1/profile.json?"+query, "")); status != want {
			t.Errorf("look-up by %q was answered %d, want %d", query, status, want)
		}
	}
	req := r.request("GET", "/1/profile.json?identity=a", "")
	req.Header.Set("X-CleverTap-Passcode", "x")
	if status, _ := r.do(req); status != 401 {
		t.Errorf("a wrong passcode was answered %d", status)
	}
}
