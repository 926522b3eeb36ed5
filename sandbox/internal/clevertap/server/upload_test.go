package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUploadRequests(t *testing.T) {
	t.Parallel()
	record := profileWith(`"plan":"x"`)
	tests := map[string]struct {
		edit   func(*http.Request)
		body   string
		status int
		answer string
	}{
		"all fail":        {body: `{"d":[` + profileWith(`"Email":"1"`) + `]}`, status: 200, answer: `{ "status" : "fail" , "processed" : 0 , "unprocessed" : [ { "status":"fail","code":515,"error":"Profile data is incorrect. Email is not valid.Skipped record number : 1","record":` + profileWith(`"Email":"1"`) + `}]}`},
		"nothing":         {body: `{"d":[]}`, status: 200, answer: `{ "status" : "success" , "processed" : 0 , "unprocessed" : [ ]}`},
		"broken":          {body: `{"d":[` + record, status: 400, answer: `{ "status" : "fail" , "error" : "Malformed request" , "code" : 400}`},
		"broken record":   {body: `{"d":[` + record + `,{"type":"profile","identity":}]}`, status: 400, answer: `{ "status" : "fail" , "error" : "Malformed request" , "code" : 400}`},
		"not UTF-8":       {body: "{\"d\":[\"\xff\"]}", status: 400, answer: `{ "status" : "fail" , "error" : "Malformed request" , "code" : 400}`},
		"trailing":        {body: `{"d":[]} x`, status: 400, answer: `{ "status" : "fail" , "error" : "Malformed request" , "code" : 400}`},
		"no list":         {body: `{}`, status: 400, answer: `{ "status" : "fail" , "error" : "Malformed request" , "code" : 400}`},
		"too many":        {body: `{"d":[` + strings.Repeat(record+",", 1000) + record + `]}`, status: 400, answer: `{ "status" : "fail" , "error" : "Number of records exceeds the limit" , "code" : 400}`},
		"too large":       {body: `{"d":[` + record + strings.Repeat(" ", 1<<20) + `]}`, status: 413, answer: `{ "status" : "fail" , "error" : "Request entity too large" , "code" : 413}`},
		"wrong account":   {edit: func(r *http.Request) { r.Header.Set("X-CleverTap-Account-Id", "other") }, status: 401, answer: `{ "status" : "fail" , "error" : "Account ID is not valid" , "code" : 401}`},
		"wrong passcode":  {edit: func(r *http.Request) { r.Header.Del("X-CleverTap-Passcode") }, status: 401, answer: `{ "status" : "fail" , "error" : "Invalid Credentials" , "code" : 401}`},
		"not really gzip": {edit: func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, body: `{"d":[]}`, status: 400, answer: `{ "status" : "fail" , "error" : "Malformed request" , "code" : 400}`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, testConfig())
			req := r.request("POST", "/1/upload", tc.body)
			if tc.edit != nil {
				tc.edit(req)
			}
			status, answer := r.do(req)
			if status != tc.status {
				t.Errorf("status %d, want %d", status, tc.status)
			}
			if diff := cmp.Diff(tc.answer, answer); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if n := r.server.Stats().Records; n != 0 {
				t.Errorf("%d records were applied", n)
			}
		})
	}
}

func TestGzipBody(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	for range 2 {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := io.WriteString(w, `{"d":[`+profileWith(`"plan":"x"`)+`]}`); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		req := r.request("POST", "/1/upload", zipped.String())
		req.Header.Set("Content-Encoding", "gzip")
		if status, body := r.do(req); status != 200 {
			t.Fatalf("answered %d %s", status, body)
		}
	}
	if s := r.server.Stats(); s.Records != 2 || s.Duplicates != 1 {
		t.Errorf("stats are %+v", s)
	}
}

func TestDryRunAppliesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	body := `{"d":[` + profileWith(`"plan":"x"`) + `,` + profileWith(`"Age":"x"`) + `]}`
	_, dry := r.do(r.request("POST", "/1/upload?dryRun=1", body))
	if s := r.server.Stats(); s.Records != 0 || s.Profiles != 0 || len(s.Unprocessed) != 0 || s.DryRuns != 1 {
		t.Errorf("stats after the dry run are %+v", s)
	}
	_, wet := r.do(r.request("POST", "/1/upload", body))
	if diff := cmp.Diff(wet, dry); diff != "" {
		t.Errorf("the dry run answers otherwise (-wet +dry):\n%s", diff)
	}
}

func TestSlots(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	r.faults(`{"faults":[{"kind":"lostAnswer","count":15}]}`)
	ctx, giveUp := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range 15 {
		req := r.request("POST", "/1/upload", `{"d":[]}`).WithContext(ctx)
		waiting.Go(func() {
			if res, err := r.client().Do(req); err == nil {
				t.Errorf("a lost answer arrived with %d", res.StatusCode)
				_ = res.Body.Close()
			}
		})
	}
	waitFor(t, "15 uploads in flight", func() bool { return r.server.Stats().InFlight == 15 })
	status, body := r.upload()
	if want := `{ "status" : "fail" , "error" : "Too many concurrent requests" , "code" : 429}`; status != 429 || body != want {
		t.Errorf("the sixteenth was answered %d %s", status, body)
	}
	giveUp()
	waiting.Wait()
	waitFor(t, "the slots to be free", func() bool { return r.server.Stats().InFlight == 0 })
	if status, _ := r.upload(); status != 200 {
		t.Errorf("a free slot was answered %d", status)
	}
	if s := r.server.Stats(); s.MaxInFlight != 16 || s.Refused != 1 || s.Uploads != 17 {
		t.Errorf("stats are %+v", s)
	}
}

// TestSlotIsFreeWithTheAnswer keeps exactly as many requests in flight as
// there are slots; if a slot is freed late, a request is answered with 429.
func TestSlotIsFreeWithTheAnswer(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Slots = 2
	r := newRig(t, cfg)
	bad := strings.Repeat(","+profileWith(`"Email":"1"`), 200)
	var workers sync.WaitGroup
	for range cfg.Slots {
		workers.Go(func() {
			for range 100 {
				if status, _ := r.upload(profileWith(`"a":1`) + bad); status != 200 {
					t.Errorf("answered %d", status)
					return
				}
			}
		})
	}
	workers.Wait()
	if s := r.server.Stats(); s.MaxInFlight > cfg.Slots {
		t.Errorf("in flight at most %d", s.MaxInFlight)
	}
}

// TestRefusalTakesTheBody refuses large uploads without looking at them. An
// unread body would make the server close the connection under the client,
// which then sees a reset in place of the refusal.
func TestRefusalTakesTheBody(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	s := New(cfg)
	h := httptest.NewUnstartedServer(s)
	h.Config.ConnState = s.ConnState
	h.Start()
	t.Cleanup(h.Close)
	r := &rig{t: t, server: s, http: h}
	for _, size := range []int{900 << 10, 2 << 20} {
		for range 10 {
			req := r.request("POST", "/1/upload", strings.Repeat(" ", size))
			req.Header.Del("X-CleverTap-Passcode")
			if status, _ := r.do(req); status != 401 {
				t.Errorf("answered %d", status)
			}
			if status, _ := r.do(r.request("POST", "/1/upload", strings.Repeat(" ", 2<<20))); status != 413 {
				t.Errorf("answered %d", status)
			}
		}
	}
	if n := s.Stats().Connections; n != 1 {
		t.Errorf("%d connections were opened", n)
	}
}

func BenchmarkUpload(b *testing.B) {
	for name, store := range map[string]bool{"stored": true, "hashed": false} {
		b.Run(name, func(b *testing.B) {
			cfg := testConfig()
			cfg.Store = store
			s := New(cfg)
			d := s.decoder()
			var body []byte
			body = append(body, `{"d":[`...)
			for i := range 1000 {
				if i > 0 {
					body = append(body, ',')
				}
				body = append(body, `{"type":"profile","identity":"customer-`+strings.Repeat("7", i%5)+string(rune('a'+i%26))+`","profileData":{"Name":"Ada Lovelace","Email":"ada@example.com","Phone":"+14155551234","plan tier":"gold","DOB":"$D_-1487576752","spend":1234.50,"is vip":true,"city":"London","segments":"alpha","source":"snowflake","updated":"$D_1700000000"}}`...)
			}
			body = append(body, `]}`...)
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if err := d.Decode(body); err != nil {
					b.Fatal(err)
				}
				verdict(d.Records)
				s.store.Apply(d.Records, d.Notices, time.Now())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
		})
	}
}
