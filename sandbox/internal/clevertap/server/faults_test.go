package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestFaults: each fault affects the first of two uploads; the second must be normal.
func TestFaults(t *testing.T) {
	t.Parallel()
	const html = "<html><body><h1>Scheduled maintenance</h1></body></html>"
	tests := map[string]struct {
		fault   string
		status  int    // 0: the connection breaks
		answer  string // part of the body
		applied int
	}{
		"429":                  {`{"kind":"429","count":1}`, 429, `"Too many concurrent requests"`, 0},
		"500":                  {`{"kind":"500","count":1}`, 500, `"code" : 500`, 0},
		"500 after applying":   {`{"kind":"500","count":1,"applied":true}`, 500, `"code" : 500`, 1},
		"503":                  {`{"kind":"503","count":1}`, 503, `"Service Unavailable"`, 0},
		"401":                  {`{"kind":"401","count":1}`, 401, `"Account ID is not valid"`, 0},
		"403":                  {`{"kind":"403","count":1}`, 403, `"Forbidden"`, 0},
		"400":                  {`{"kind":"400","count":1}`, 400, `"Malformed request"`, 0},
		"reset before":         {`{"kind":"resetBefore","count":1}`, 0, ``, 0},
		"reset after":          {`{"kind":"resetAfter","count":1}`, 0, ``, 1},
		"redirect":             {`{"kind":"redirect","count":1}`, 302, ``, 0},
		"html":                 {`{"kind":"html","count":1}`, 200, html, 0},
		"html after applying":  {`{"kind":"html","count":1,"applied":true}`, 200, html, 1},
		"empty":                {`{"kind":"emptyBody","count":1,"applied":true}`, 200, ``, 1},
		"truncated":            {`{"kind":"truncated","count":1}`, 200, `{ "status" : "success" , "p`, 1},
		"wrong counts":         {`{"kind":"wrongCounts","count":1}`, 200, `"processed" : 0 , "unprocessed" : [ ]`, 1},
		"empty fail":           {`{"kind":"emptyFail","count":1}`, 200, `{ "status" : "fail" , "processed" : 0 , "unprocessed" : [ ]}`, 0},
		"huge":                 {`{"kind":"hugeBody","count":1,"hugeBytes":100000}`, 200, strings.Repeat("x", 100000), 0},
		"555":                  {`{"kind":"record555","count":1}`, 200, `"code":555,"error":"Miscellaneous server error. Skipped record number : 1"`, 0},
		"latency changes none": {`{"kind":"latency","latencyMs":1,"jitterMs":1,"count":1}`, 200, `"success"`, 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, testConfig())
			r.faults(`{"faults":[` + tc.fault + `]}`)
			res, err := r.client().Do(r.request("POST", "/1/upload", `{"d":[`+profileWith(`"a":1`)+`]}`))
			switch {
			case err != nil && tc.status != 0:
				t.Fatal(err)
			case err == nil:
				defer res.Body.Close()
				body, err := io.ReadAll(res.Body)
				if err != nil {
					t.Fatal(err)
				}
				if res.StatusCode != tc.status || !strings.Contains(string(body), tc.answer) {
					t.Errorf("answered %d %.200s", res.StatusCode, body)
				}
			}
			if got := r.server.Stats().Records; got != tc.applied {
				t.Errorf("%d records applied, want %d", got, tc.applied)
			}
			r.mustUpload(profileWith(`"a":2`))
		})
	}
}

func TestLostAnswerIsApplied(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	r.faults(`{"faults":[{"kind":"lostAnswer","count":1}]}`)
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	req := r.request("POST", "/1/upload", `{"d":[`+profileWith(`"a":1`)+`]}`).WithContext(ctx)
	go func() {
		res, err := r.client().Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		ended <- err
	}()
	waitFor(t, "the record", func() bool { return r.server.Stats().Records == 1 })
	giveUp()
	if err := <-ended; err == nil {
		t.Error("the answer arrived")
	}
}

func TestLateApply(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	r.faults(`{"faults":[{"kind":"lateApply","latencyMs":20,"count":1}]}`)
	if res, err := r.client().Do(r.request("POST", "/1/upload", `{"d":[`+profileWith(`"a":"old"`)+`]}`)); err == nil {
		_ = res.Body.Close()
		t.Fatalf("answered %d", res.StatusCode)
	}
	r.mustUpload(profileWith(`"b":1`))
	waitFor(t, "the late record", func() bool { return r.server.Stats().Records == 2 })
	if got := mustJSON(t, r.data("a")); got != `{"a":"old","b":1}` {
		t.Errorf("profile is %s", got)
	}
}

func TestMarkerSpoilsTheWholeUpload(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	r.faults(`{"faults":[{"kind":"markerKey","marker":"poison"}]}`)
	if status, _ := r.upload(profileWith(`"a":1`), profileWith(`"poison":1`)); status != 400 {
		t.Errorf("answered %d", status)
	}
	if status, _ := r.upload(profileWith(`"a":1`)); status != 200 {
		t.Errorf("without the marker answered %d", status)
	}
}

func TestShareIsSeeded(t *testing.T) {
	t.Parallel()
	pattern := func(seed string) string {
		r := newRig(t, testConfig())
		r.faults(`{"seed":` + seed + `,"faults":[{"kind":"503","share":0.3,"skip":5}]}`)
		var got []byte
		for range 60 {
			status, _ := r.upload()
			got = append(got, byte('0'+status%10))
		}
		return string(got)
	}
	one, again, other := pattern("1"), pattern("1"), pattern("2")
	if one != again || one == other {
		t.Errorf("patterns are\n%s\n%s\n%s", one, again, other)
	}
	if hits := strings.Count(one, "3"); hits < 5 || hits > 30 || strings.Contains(one[:5], "3") {
		t.Errorf("affected %d of 60: %s", hits, one)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	r.faults(`{"faults":[{"kind":"latency","latencyMs":30}]}`)
	started := time.Now()
	r.mustUpload()
	if took := time.Since(started); took < 30*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
}

func TestFaultsAreChecked(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	for _, body := range []string{
		`{"faults":[{"kind":"nope"}]}`, `{"faults":[{"kind":"503","share":1.5}]}`, `{"faults":[{"kind":"503","often":1}]}`,
		`{"faults":[{"kind":"markerKey"}]}`, `{"faults":[{"kind":"503","count":-1}]}`, `{`,
	} {
		if status, _ := r.do(r.request("PUT", "/sandbox/v1/faults", body)); status != http.StatusBadRequest {
			t.Errorf("%s was answered %d", body, status)
		}
	}
}
