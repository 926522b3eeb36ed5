package delivery

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// done answers a verdict for each letter: l loaded, r rejected, e error 555.
func done(verdicts string) clevertap.Result {
	res := clevertap.Result{Kind: clevertap.Done, Status: 200}
	for _, v := range verdicts {
		res.Outcomes = append(res.Outcomes, map[rune]clevertap.Outcome{
			'l': {Verdict: clevertap.Loaded},
			'r': {Verdict: clevertap.Rejected, Code: "clevertap_515"},
			'e': {Verdict: clevertap.Retry555, Code: "clevertap_555"},
		}[v])
	}
	return res
}

func kind(k clevertap.Kind, status int) clevertap.Result {
	return clevertap.Result{Kind: k, Status: status}
}

// spell writes outcomes a letter each: l, r, e, h held, m malformed, b too
// large, s superseded, . undecided; upper case when resent.
func spell(d *Delivery) string {
	var b strings.Builder
	for i, o := range d.Outcomes {
		letter := "."
		switch {
		case o.Loaded:
			letter = "l"
		case o == superseded:
			letter = "s"
		case o.Code != "":
			letter = map[string]string{"clevertap_515": "r", "clevertap_555": "e", CodeAmbiguous: "h", CodeMalformed: "m", CodeTooLarge: "b"}[o.Code]
		}
		if d.Resent[i] {
			letter = strings.ToUpper(letter)
		}
		b.WriteString(letter)
	}
	return b.String()
}

var (
	began   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	unclear = clevertap.Result{Kind: clevertap.Ambiguous, Status: 200, Cause: clevertap.CauseCounts}
	timeout = clevertap.Result{Kind: clevertap.Ambiguous, Cause: clevertap.CauseTimeout}
)

// limit is for how long a single record's fault is waited out in these tests.
const limit = 2 * time.Minute

type step struct {
	send string // the records of the request
	res  clevertap.Result
	wait Wait
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	same := []uint64{1, 2, 1, 3} // records 0 and 2 are of one identity
	tests := []struct {
		name    string
		policy  Policy
		touched bool
		steps   []step
		want    string
	}{
		{"success", Replace, false, []step{{"0123", done("llll"), Finished}}, "llll"},
		{"partial", Resend, false, []step{{"0123", done("lrlr"), Finished}}, "lrlr"},
		{"throttled", Replace, false, []step{{"0123", kind(clevertap.Throttled, 429), Throttle}, {"0123", done("llll"), Finished}}, "llll"},
		{"not sent", Hold, false, []step{{"0123", kind(clevertap.NotSent, 0), Backoff}, {"0123", done("llll"), Finished}}, "llll"},
		{"refused", Hold, false, []step{{"0123", kind(clevertap.AuthRefused, 401), Refused}, {"0123", done("llll"), Finished}}, "llll"},
		{"redirected", Hold, false, []step{{"0123", kind(clevertap.ConfigFault, 302), Refused}, {"0123", done("llll"), Finished}}, "llll"},
		{"timeout, profiles", Replace, false, []step{{"0123", kind(clevertap.Ambiguous, 0), Backoff}, {"0123", done("llll"), Finished}}, "LLLL"},
		{"502, profiles", Replace, false, []step{{"0123", kind(clevertap.Ambiguous, 502), Backoff}, {"0123", done("llll"), Finished}}, "LLLL"},
		{"500, profiles", Replace, false, []step{{"0123", kind(clevertap.Ambiguous, 500), Backoff}, {"0123", done("llll"), Finished}}, "LLLL"},
		{"503, profiles", Replace, false, []step{{"0123", kind(clevertap.Unavailable, 503), Backoff}, {"0123", done("llll"), Finished}}, "LLLL"},
		{"503, events", Resend, false, []step{{"0123", kind(clevertap.Unavailable, 503), Backoff}, {"0123", done("lrll"), Finished}}, "LRLL"},
		{"timeout, events held", Hold, false, []step{{"0123", kind(clevertap.Ambiguous, 0), Finished}}, "hhhh"},
		{"503, events held", Hold, false, []step{{"0123", kind(clevertap.Unavailable, 503), Finished}}, "hhhh"},
		{"taken over, profiles", Replace, true, []step{{"0123", done("llll"), Finished}}, "LLLL"},
		{"taken over, never reached", Replace, true, []step{{"0123", kind(clevertap.NotSent, 0), Backoff}}, "...."},
		{"malformed", Replace, false, []step{
			{"0123", kind(clevertap.Malformed, 400), Go}, {"01", done("ll"), Go}, {"23", kind(clevertap.Malformed, 400), Go},
			{"2", kind(clevertap.Malformed, 400), Go}, {"3", done("l"), Finished},
		}, "llml"},
		{"too large", Replace, false, []step{
			{"0123", kind(clevertap.TooLarge, 413), Go}, {"01", kind(clevertap.TooLarge, 413), Go}, {"0", kind(clevertap.TooLarge, 413), Go},
			{"1", done("l"), Go}, {"23", done("ll"), Finished},
		}, "blll"},
		{"one half is held", Hold, false, []step{
			{"0123", kind(clevertap.Malformed, 400), Go}, {"01", kind(clevertap.Ambiguous, 0), Go}, {"23", done("ll"), Finished},
		}, "hhll"},
		{"555, a newer profile was taken", Replace, false, []step{{"0123", done("elll"), Finished}}, "slll"},
		{"555 for the newer profile", Replace, false, []step{{"0123", done("llel"), Backoff}, {"2", done("l"), Finished}}, "llll"},
		{"555, a newer event does not", Resend, false, []step{{"0123", done("elll"), Backoff}, {"0", done("l"), Finished}}, "llll"},
		{"555, a newer reject stays", Replace, false, []step{{"0123", done("elrl"), Backoff}, {"0", done("l"), Finished}}, "llrl"},
		{"555, for longer than the limit", Replace, false, []step{ // a minute from one answer to the next
			{"0123", done("llee"), Backoff}, {"23", done("el"), Backoff}, {"2", done("e"), Suspect},
		}, "ll.l"},
		{"555 for all", Replace, false, []step{
			{"0123", done("eeee"), Backoff}, {"0123", done("eeee"), Backoff}, {"0123", done("eeee"), Backoff}, {"01", done("ll"), Go}, {"23", done("ll"), Finished},
		}, "llll"},
		{"an answer that does not add up, twice", Replace, false, []step{
			{"0123", unclear, Backoff}, {"0123", unclear, Backoff}, {"01", done("ll"), Go}, {"23", unclear, Backoff},
			{"2", done("l"), Go}, {"3", unclear, Backoff}, {"3", unclear, Backoff}, {"3", unclear, Backoff}, {"3", unclear, Backoff}, {"3", unclear, Suspect},
		}, "LLL."},
		{"different answers that do not add up", Resend, false, []step{
			{"0123", unclear, Backoff}, {"0123", kind(clevertap.Ambiguous, 502), Backoff}, {"0123", unclear, Backoff}, {"0123", done("llll"), Finished},
		}, "LLLL"},
		{"timeouts halve", Replace, false, []step{{"0123", timeout, Backoff}, {"0123", timeout, Backoff}, {"01", done("ll"), Go}, {"23", done("ll"), Finished}}, "LLLL"},
		{"a firewall", Hold, false, []step{
			{"0123", kind(clevertap.Blocked, 403), Go}, {"01", done("ll"), Go}, {"23", kind(clevertap.Blocked, 403), Go},
			{"2", done("l"), Go}, {"3", kind(clevertap.Blocked, 403), Backoff}, {"3", kind(clevertap.Blocked, 403), Suspect},
		}, "lll."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := New(tt.policy, same, tt.touched, limit)
			for n, s := range tt.steps {
				if got := strings.Trim(strings.ReplaceAll(fmt.Sprint(d.Next()), " ", ""), "[]"); got != s.send {
					t.Fatalf("request %d: sends %s, want %s", n+1, got, s.send)
				}
				if got := d.Apply(s.res, began.Add(time.Duration(n)*time.Minute)); got != s.wait {
					t.Fatalf("request %d: Apply() = %v, want %v", n+1, got, s.wait)
				}
			}
			if diff := cmp.Diff(tt.want, spell(d)); diff != "" {
				t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBisectionOfAThousandTakesFewRequests(t *testing.T) {
	t.Parallel()
	d := New(Replace, make([]uint64, 1000), false, limit)
	requests := 0
	for wait := Go; wait != Finished; requests++ {
		set := d.Next()
		res := kind(clevertap.Malformed, 400)
		if set[0] > 617 || set[len(set)-1] < 617 {
			res = done(strings.Repeat("l", len(set)))
		}
		wait = d.Apply(res, began)
	}
	if requests > 21 || d.Outcomes[617].Code != CodeMalformed {
		t.Errorf("%d requests, outcome %+v", requests, d.Outcomes[617])
	}
}

func TestCleanAndEnd(t *testing.T) {
	t.Parallel()
	d := New(Resend, make([]uint64, 2), false, limit)
	d.Apply(kind(clevertap.Throttled, 429), began)
	if !d.NothingApplied() {
		t.Error("a throttled upload is not clean")
	}
	d.Apply(kind(clevertap.Ambiguous, 500), began)
	if d.NothingApplied() {
		t.Error("an ambiguous upload is clean")
	}
	d.End(Outcome{Skip: schemas.SkipCancelled})
	if d.Next() != nil || d.Outcomes[1].Skip != schemas.SkipCancelled || !d.NothingApplied() {
		t.Errorf("after End: next %v, outcomes %+v", d.Next(), d.Outcomes)
	}
}

func TestPolicyOf(t *testing.T) {
	t.Parallel()
	operator := []schemas.Property{{From: "A", To: "a"}, {From: "B", To: "b", Op: "incr"}}
	tests := []struct {
		spec schemas.ImportSpec
		want Policy
	}{
		{schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeProfile, OnAmbiguous: "hold"}}, Replace},
		{schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeProfile}, Mapping: operator}, Resend},
		{schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeProfile, OnAmbiguous: "hold"}, Mapping: operator}, Hold},
		{schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent}}, Resend},
		{schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent, OnAmbiguous: "resend"}}, Resend},
		{schemas.ImportSpec{Destination: schemas.Destination{Type: schemas.TypeEvent, OnAmbiguous: "hold"}}, Hold},
	}
	for i, tt := range tests {
		if got := PolicyOf(&tt.spec); got != tt.want {
			t.Errorf("case %d: PolicyOf() = %v, want %v", i, got, tt.want)
		}
	}
}

func TestASuspectedRecordIsRejectedOrSentAgain(t *testing.T) {
	t.Parallel()
	for code, answer := range map[string]clevertap.Result{
		CodeBlocked: kind(clevertap.Blocked, 403), CodeUnanswered: unclear, "clevertap_555": done("e"),
	} {
		suspect := func(d *Delivery) {
			t.Helper()
			for n := range 10 {
				if d.Apply(answer, began.Add(time.Duration(n)*time.Minute)) == Suspect {
					return
				}
			}
			t.Fatalf("%s: no record is suspected", code)
		}
		d := New(Replace, []uint64{1}, false, limit)
		suspect(d)
		if d.ClearSuspect(); d.Outcomes[0].Decided() || len(d.Next()) != 1 {
			t.Errorf("%s: an acquitted record is not sent again", code)
		}
		if wait := d.Apply(answer, began); wait == Suspect {
			t.Errorf("%s: an acquitted record is suspected at once", code)
		}
		suspect(d)
		if wait := d.RejectSuspect(); wait != Finished || d.Outcomes[0].Code != code {
			t.Errorf("%s: Convict() = %v, %+v", code, wait, d.Outcomes[0])
		}
	}
}

// An event is sent so often and no more, also where it is halved on the way.
func TestResendsAreBounded(t *testing.T) {
	t.Parallel()
	d := New(Resend, make([]uint64, 8), false, time.Hour)
	sent := make([]int, 8)
	for wait, n := Go, 0; wait != Finished; n++ {
		if n > 1000 {
			t.Fatal("it never ends")
		}
		for _, i := range d.Next() {
			sent[i]++
		}
		wait = d.Apply(kind(clevertap.Ambiguous, 502), began)
	}
	for i, n := range sent {
		if n != 1+MaxResends || d.Outcomes[i].Code != CodeAmbiguous {
			t.Errorf("record %d was sent %d times and is %q; want %d and %s", i, n, d.Outcomes[i].Code, 1+MaxResends, CodeAmbiguous)
		}
	}
}

// A half with one of two versions must not go out while the whole may be applied.
func TestSplitsIdentity(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		identities []uint64
		want       bool
	}{"apart": {[]uint64{1, 2, 1, 3}, true}, "together": {[]uint64{1, 1, 2, 3}, false}, "once each": {[]uint64{1, 2, 3, 4}, false}} {
		d := New(Replace, tt.identities, false, limit)
		if d.SplitsIdentity() {
			t.Errorf("%s: the whole upload is no part", name)
		}
		d.Apply(timeout, began)
		d.Apply(timeout, began)
		if got := d.SplitsIdentity(); len(d.Next()) != 2 || got != tt.want {
			t.Errorf("%s: Parted() = %v, want %v", name, got, tt.want)
		}
	}
}
