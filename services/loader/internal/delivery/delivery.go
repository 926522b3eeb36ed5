// Package delivery decides what becomes of the records of one upload, answer by
// answer: which records to send next, which have their outcome, and what to
// wait for. It is pure: requests, clocks and reports are its caller's.
package delivery

import (
	"iter"
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

	faultLimit time.Duration
	requests   []request
	inherited  int // requests of earlier owners that may have applied the records
	// mayBeAppliedTimes counts the requests of this owner that may have applied a record.
	// It and failingSince have few entries: most records are answered at once.
	mayBeAppliedTimes map[int]int
	// failingSince is when a record was first answered with code 555 beside records that
	// were taken, or first failed alone.
	failingSince map[int]time.Time
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

// New starts the delivery of records with the given identities. mayBeApplied says that
// requests of an earlier owner may have applied them. faultLimit is how long a single record with a
// transient fault is sent again.
func New(policy Policy, identities []uint64, mayBeApplied bool, faultLimit time.Duration) *Delivery {
	n := len(identities)
	d := &Delivery{
		Policy:            policy,
		Identities:        identities,
		Outcomes:          make([]Outcome, n),
		MayBeApplied:      make([]bool, n),
		Resent:            make([]bool, n),
		faultLimit:        faultLimit,
		mayBeAppliedTimes: map[int]int{},
		failingSince:      map[int]time.Time{},
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
		d.MayBeApplied[i] = mayBeApplied
	}
	d.requests = []request{{records: all}}
	return d
}

// Inherit counts requests of earlier owners that may have applied the records.
func (d *Delivery) Inherit(times int) { d.inherited = times }

// Earlier is how many requests may have applied one of the records, at most.
func (d *Delivery) Earlier(records []int) (most int) {
	most = d.inherited
	for _, i := range records {
		most = max(most, d.timesOf(i))
	}
	return most
}

// timesOf is how many requests may have applied a record.
func (d *Delivery) timesOf(i int) int { return d.inherited + d.mayBeAppliedTimes[i] }

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

// advance goes on to the next request: the records that are to be sent again, or those
// that were to follow.
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

// Undecided are the records that have no outcome, in order.
func (d *Delivery) Undecided() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, o := range d.Outcomes {
			if !o.Decided() && !yield(i) {
				return
			}
		}
	}
}

// Uncertain reports whether a record is skipped or rejected although an earlier
// request may have applied it.
func (d *Delivery) Uncertain(i int) bool {
	o := d.Outcomes[i]
	return o.Decided() && !o.Loaded && (d.MayBeApplied[i] || o.Code == CodeAmbiguous)
}

// NothingApplied reports whether no undecided record can have been applied.
func (d *Delivery) NothingApplied() bool {
	for i, applied := range d.MayBeApplied {
		if applied && !d.Outcomes[i].Decided() {
			return false
		}
	}
	return true
}
