// Package delivery decides what becomes of the records of one upload, answer by
// answer: which records to send next, which have their outcome, and what to
// wait for. It is pure: requests, clocks and reports are its caller's.
package delivery

import (
	"slices"
	"time"

	"tapline.dev/services/loader/internal/clevertap"
)

const (
	// MaxResends bounds how often an event, or a profile with operators, is sent
	// again after a request that may have applied it. Beyond it the record is
	// rejected as ambiguous.
	MaxResends = 20
	// failuresBeforeHalving is how many equal failures in a row a request may have before it is
	// halved. unclearBeforeHalving is the same for contradictory answers and for time-outs,
	// which seldom change when the request is repeated.
	failuresBeforeHalving = 3
	unclearBeforeHalving  = 2
	// unclearBeforeSuspect and blockedBeforeSuspect are how often a record alone in its request gets
	// the same useless answer before it is suspected.
	unclearBeforeSuspect = 5
	blockedBeforeSuspect = 2
)

// Wait is what must pass before the next request of the upload.
type Wait int

// Waits.
const (
	Go       Wait = iota // nothing: send what is next at once
	Backoff              // a transient fault: wait with jitter
	Throttle             // too many requests: wait, and use fewer slots
	Refused              // the account is refused or misconfigured: wait for a person
	Suspect              // the record seems to be at fault: probe the account, then RejectSuspect or ClearSuspect
	Finished             // every record has an outcome
)

// Delivery is one upload on its way.
type Delivery struct {
	Policy     Policy
	Identities []uint64 // of the records, in order

	Outcomes []Outcome
	// MayBeApplied marks records that an earlier request may have applied; Resent those
	// of them that were written to a socket again.
	MayBeApplied, Resent []bool
	Tries                int // requests written

	faultLimit        time.Duration
	requests          []request
	mayBeAppliedTimes []int // requests of each record that may have applied it
	// failingSince is when a record was first answered with code 555 beside records that
	// were taken, or first failed alone.
	failingSince []time.Time
}

// request is a set of records to be sent together, and what the last answers to
// it have in common.
type request struct {
	records      []int
	cause        string
	status       int
	failures     int  // equal answers in a row
	failedBefore bool // of a request that failed before
}

// New starts the delivery of records with the given identities. touched: an
// earlier owner may have sent them. faultLimit is how long a single record with a
// transient fault is sent again.
func New(policy Policy, identities []uint64, touched bool, faultLimit time.Duration) *Delivery {
	n := len(identities)
	d := &Delivery{
		Policy:            policy,
		Identities:        identities,
		Outcomes:          make([]Outcome, n),
		MayBeApplied:      make([]bool, n),
		Resent:            make([]bool, n),
		faultLimit:        faultLimit,
		mayBeAppliedTimes: make([]int, n),
		failingSince:      make([]time.Time, n),
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
		d.MayBeApplied[i] = touched
	}
	d.requests = []request{{records: all}}
	return d
}

// Inherit counts requests of earlier owners that may have applied the records.
func (d *Delivery) Inherit(times int) {
	for i := range d.mayBeAppliedTimes {
		d.mayBeAppliedTimes[i] = times
	}
}

// Earlier is how many requests may have applied one of the records, at most.
func (d *Delivery) Earlier(records []int) (most int) {
	for _, i := range records {
		most = max(most, d.mayBeAppliedTimes[i])
	}
	return most
}

// Next lists the records of the next request, in order; none when finished.
func (d *Delivery) Next() []int {
	if len(d.requests) == 0 {
		return nil
	}
	return d.requests[0].records
}

// MayBeRecordsFault reports whether the next request failed before in a way that may be its
// records' fault: another failure says nothing of the account.
func (d *Delivery) MayBeRecordsFault() bool {
	return len(d.requests) > 0 && (d.requests[0].failedBefore || d.requests[0].failures > 0 && len(d.requests[0].records) == 1)
}

// SplitsIdentity reports whether the next request holds some but not all of the upload's records
// of an identity. An earlier request with all of them, applied after the next one, could
// then leave another version than the newest.
func (d *Delivery) SplitsIdentity() bool {
	if len(d.requests) == 0 {
		return false
	}
	inside := map[uint64]int{}
	for _, i := range d.requests[0].records {
		inside[d.Identities[i]]++
	}
	all := map[uint64]int{}
	for _, identity := range d.Identities {
		if inside[identity] > 0 {
			all[identity]++
		}
	}
	for identity, n := range inside {
		if all[identity] > n {
			return true
		}
	}
	return false
}

// sent notes that the request of Next was, or may have been, written.
func (d *Delivery) sent() {
	d.Tries++
	for _, i := range d.requests[0].records {
		d.Resent[i] = d.Resent[i] || d.MayBeApplied[i]
	}
}

// Apply takes in the answer to the request of Next.
func (d *Delivery) Apply(res clevertap.Result, now time.Time) Wait {
	if res.Kind != clevertap.NotSent {
		d.sent()
	}
	switch res.Kind {
	case clevertap.Done:
		return d.answered(res, now)
	case clevertap.Throttled:
		return Throttle
	case clevertap.NotSent:
		return Backoff
	case clevertap.AuthRefused, clevertap.ConfigFault:
		return Refused
	case clevertap.Malformed:
		return d.split(CodeMalformed, "CleverTap refuses a request with this record as malformed")
	case clevertap.TooLarge:
		return d.split(CodeTooLarge, "the record is larger than CleverTap takes in one request")
	case clevertap.Blocked:
		return d.blocked(res, now)
	}
	return d.ambiguous(res, now)
}

// ambiguous: the request may have been applied.
func (d *Delivery) ambiguous(res clevertap.Result, now time.Time) Wait {
	var again []int
	for _, i := range d.requests[0].records {
		d.mayBeAppliedTimes[i]++
		switch {
		case d.Policy == Hold:
			d.Outcomes[i] = Held
		case d.Policy == Resend && d.mayBeAppliedTimes[i] > MaxResends:
			d.Outcomes[i] = SentTooOften
		default:
			d.MayBeApplied[i] = true
			again = append(again, i)
		}
	}
	if len(again) == 0 {
		return d.advance(nil)
	}
	d.requests[0].records = again
	return d.failed(res, now)
}

// blocked: nothing was applied, and what some record says may be why.
func (d *Delivery) blocked(res clevertap.Result, now time.Time) Wait {
	if r := &d.requests[0]; len(r.records) > 1 {
		r.failedBefore = true
		return d.halve(*r)
	}
	return d.failed(res, now)
}

// failed counts equal failures of the request. It is halved until a single record
// is left, which is suspected.
func (d *Delivery) failed(res clevertap.Result, now time.Time) Wait {
	r := &d.requests[0]
	if r.cause != res.Cause || r.status != res.Status {
		r.cause, r.status, r.failures = res.Cause, res.Status, 0
	}
	r.failures++
	most, alone := failuresBeforeHalving, 0
	switch {
	case res.Kind == clevertap.Blocked:
		alone = blockedBeforeSuspect
	case res.Cause == cause555:
	case res.Status >= 200 && res.Status < 300:
		most, alone = unclearBeforeHalving, unclearBeforeSuspect
	case res.Cause == clevertap.CauseTimeout:
		most = unclearBeforeHalving
	}
	if len(r.records) > 1 {
		if r.failures < most {
			return Backoff
		}
		r.failedBefore = true
		d.halve(*r)
		return Backoff
	}
	i := r.records[0]
	if d.failingSince[i].IsZero() {
		d.failingSince[i] = now
	}
	if alone > 0 && r.failures >= alone || alone == 0 && now.Sub(d.failingSince[i]) >= d.faultLimit {
		return Suspect
	}
	return Backoff
}

// halve makes two requests of one. Each part keeps all but one of the failures: the
// next equal failure halves it at once.
func (d *Delivery) halve(r request) Wait {
	half := len(r.records) / 2
	parts := []request{r, r}
	parts[0].records, parts[1].records = r.records[:half:half], r.records[half:]
	for i := range parts {
		if parts[i].failures--; len(parts[i].records) == 1 || parts[i].failures < 0 {
			parts[i].failures = 0
		}
	}
	d.requests = append(parts, d.requests[1:]...)
	return Go
}

// split halves a request that CleverTap refuses whole; a record alone in it is
// rejected.
//
// Invariant 8: a permanent fault of one record costs at most log2(n) requests
// and only that record.
func (d *Delivery) split(code, reason string) Wait {
	r := d.requests[0]
	if len(r.records) == 1 {
		d.Outcomes[r.records[0]] = Outcome{Code: code, Reason: reason}
		return d.advance(nil)
	}
	return d.halve(r)
}

// RejectSuspect rejects the suspected record: the account works for other records.
func (d *Delivery) RejectSuspect() Wait {
	r := d.requests[0]
	o := Outcome{Code: CodeUnanswered, Reason: "CleverTap does not answer a request with this record alone as it should, and answers others"}
	switch {
	case r.status == 403:
		o = Outcome{Code: CodeBlocked, Reason: "a firewall in front of CleverTap refuses a request with this record alone, and takes others"}
	case r.cause == cause555:
		o = stuck555
	}
	d.Outcomes[r.records[0]] = o
	return d.advance(nil)
}

// ClearSuspect lets the suspected record be sent again: the account did not work.
func (d *Delivery) ClearSuspect() {
	r := &d.requests[0]
	r.failures, d.failingSince[r.records[0]] = 0, time.Time{}
}

// stuck555 is the outcome of a record that CleverTap refuses for a moment, again and
// again, while it takes others.
var stuck555 = Outcome{Code: "clevertap_555", Reason: "CleverTap answers with code 555 for this record for too long, and takes others"}

// cause555 is the cause of a request of one record that is answered with code 555.
const cause555 = "code_555"

// answered takes in an outcome for each record.
func (d *Delivery) answered(res clevertap.Result, now time.Time) Wait {
	if res.All555() {
		// No record is at fault, unless it keeps getting the code alone in its request.
		res.Cause = cause555
		return d.failed(res, now)
	}
	set := d.requests[0].records
	var again []int
	newest := newestTaken(d, set, res)
	for n, i := range set {
		o := res.Outcomes[n]
		switch {
		case o.Verdict == clevertap.Retry555 && newest[d.Identities[i]] > n:
			// Invariant 4: sent again, it would overwrite the newer one.
			d.Outcomes[i] = superseded
		case o.Verdict == clevertap.Retry555:
			if d.failingSince[i].IsZero() {
				d.failingSince[i] = now
			}
			if now.Sub(d.failingSince[i]) >= d.faultLimit {
				d.Outcomes[i] = stuck555 // and CleverTap takes others beside it
				continue
			}
			again = append(again, i)
		case o.Verdict == clevertap.Loaded:
			d.Outcomes[i] = Outcome{Loaded: true}
		default:
			d.Outcomes[i] = Outcome{Code: o.Code, Reason: o.Reason}
		}
	}
	if wait := d.advance(again); again == nil {
		return wait
	}
	return Backoff
}

func (d *Delivery) advance(again []int) Wait {
	d.requests = d.requests[1:]
	if again != nil {
		d.requests = append([]request{{records: again}}, d.requests...)
	}
	if len(d.requests) == 0 {
		return Finished
	}
	return Go
}

// End gives every undecided record the same outcome, such as a skip of a run
// that is to end.
func (d *Delivery) End(o Outcome) {
	for i := range d.Outcomes {
		if !d.Outcomes[i].Decided() {
			d.Outcomes[i] = o
		}
	}
	d.requests = nil
}

// Drop gives an undecided record an outcome before it is sent, or sent again.
func (d *Delivery) Drop(i int, o Outcome) {
	d.Outcomes[i] = o
	for n := range d.requests {
		d.requests[n].records = slices.DeleteFunc(slices.Clone(d.requests[n].records), func(record int) bool { return record == i })
	}
	d.requests = slices.DeleteFunc(d.requests, func(r request) bool { return len(r.records) == 0 })
}

// Undecided lists the records that have no outcome, in order.
func (d *Delivery) Undecided() []int {
	var out []int
	for i, o := range d.Outcomes {
		if !o.Decided() {
			out = append(out, i)
		}
	}
	return out
}

// Uncertain reports whether a record is skipped or rejected although an earlier
// request may have applied it.
func (d *Delivery) Uncertain(i int) bool {
	o := d.Outcomes[i]
	return o.Decided() && !o.Loaded && (d.MayBeApplied[i] || o.Code == CodeAmbiguous)
}

// NothingApplied reports whether no undecided record can have been applied.
func (d *Delivery) NothingApplied() bool {
	for i, touched := range d.MayBeApplied {
		if touched && !d.Outcomes[i].Decided() {
			return false
		}
	}
	return true
}
