package clevertap

import (
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"tapline.dev/libs/memtest"
)

// FuzzAnswer: whatever an endpoint answers, the result is one that the loader can
// act on: outcomes for all records or for none, and counts that add up.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{
		`{"status":"success","processed":3,"unprocessed":[]}`,
		`{"status":"partial","processed":"2","unprocessed":[{"status":"fail","code":509,"error":"bad. Skipped record number : 2","record":{}}]}`,
		`{"status":"partial","processed":2,"unprocessed":[{"code":"509","error":"a, Skipped record number : 2"},{"code":555,"error":"b, Skipped record number : 2"}]}`,
		`{"status":"fail","processed":0,"unprocessed":[]}`,
		`{"status":"success","processed":-1}`, `{"processed":9999999999999999999}`, `[]`, `null`, "", "\x00", `{"status":"fail","error":"x","code":401}`,
	} {
		f.Add(200, body, uint8(3))
		f.Add(400, body, uint8(1))
		f.Add(429, body, uint8(0))
	}
	published := map[string]bool{}
	for code := range 1000 {
		published["clevertap_"+strconv.Itoa(code)] = meaning(code) != ""
	}
	f.Fuzz(func(t *testing.T, status int, body string, sent uint8) {
		if status < 100 || status > 999 {
			return
		}
		r := judge(status, http.Header{"Retry-After": {body}}, []byte(body), int(sent))
		if r.Kind.String() == "" || r.RetryAfter < 0 {
			t.Fatalf("kind %d, retry after %s", r.Kind, r.RetryAfter)
		}
		if r.Kind != Done {
			if len(r.Outcomes) != 0 {
				t.Fatalf("%s with %d outcomes", r.Kind, len(r.Outcomes))
			}
			return
		}
		if !r.Settled || len(r.Outcomes) != int(sent) {
			t.Fatalf("settled %t, %d outcomes of %d records", r.Settled, len(r.Outcomes), sent)
		}
		for i, o := range r.Outcomes {
			if (o.Verdict == Loaded) != (o.Code == "") {
				t.Fatalf("record %d: %s with code %q", i, o.Verdict, o.Code)
			}
			if o.Verdict != Loaded && o.Code != codeUnknown && !published[o.Code] {
				t.Fatalf("record %d: code %q is none of the catalogue's", i, o.Code)
			}
		}
	})
}

// TestAnswerOfEmptyErrors: an endpoint may answer with as many errors as fit, and
// what they cost to read stays in proportion to the answer.
func TestAnswerOfEmptyErrors(t *testing.T) {
	if !memtest.Little(t, "2147483648") {
		return
	}
	body := []byte(`{"status":"partial","processed":0,"unprocessed":[{}` + strings.Repeat(",{}", 16<<20/3) + `]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if r := judge(http.StatusOK, nil, body, 1000); r.Kind != Ambiguous || r.Cause != CauseUnparsable {
		t.Errorf("got %s, cause %q", r.Kind, r.Cause)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4*uint64(len(body)) {
		t.Errorf("%d MiB were allocated for an answer of %d", grown>>20, len(body)>>20)
	}
}
