// Package delivery decides what becomes of the records of one upload, answer by
// answer: which records to send next, which have their outcome, and what to
// wait for. It is pure: requests, clocks and reports are its caller's.
package delivery

import (
	"time"

	"tapline.dev/services/loader/internal/clevertap"
)

const (
	// MaxResends bounds how often an event, or a profile with operators, is sent
	// again after a request that may have applied it. Beyond it the record is
	// rejected as ambiguous.
	MaxResends = 20
	// patience is how many equal failures in a row a request may have before it is
	// halved. patienceUnclear is the same for contradictory answers and for time-outs,
	// which seldom change when the request is repeated.
	patience        = 3
	patienceUnclear = 2
	// unclearAlone and blockedAlone are how often a record alone in its request gets
	// the same useless answer before it is suspected.
	unclearAlone = 5
	blockedAlone = 2
)

// Wait is what must pass before the next request of the upload.
type Wait int

// Waits.
const (
	Go       Wait = iota // nothing: send what is next at once
	Backoff              // a transient fault: wait with jitter
	Throttle             // too many requests: wait, and use fewer slots
	Refused              // the account is refused or misconfigured: wait for a person
	Suspect              // the record seems to be at fault: see whether the account works, then Convict or Acquit
	Finished             // every record has an outcome
)

// Delivery is one upload on its way.
type Delivery struct {
	Policy     Policy
	Identities []uint64 // of the records, in order

	Outcomes []Outcome
	// Touched marks records that an earlier request may have applied; Resent those
	// of them that were written to a socket again.
	Touched, Resent []bool
	Tries           int // requests written

	faultLimit time.Duration
	todo       []request
	sends      []int // requests of each record that may have applied it
	// since is when a record was first answered with code 555 beside records that
	// were taken, or first failed alone.
	since []time.Time
}

// request is a set of records to be sent together, and what the last answers to
// it have in common.
type request struct {
	records []int
	cause   string
	status  int
	fails   int  // equal answers in a row
	part    bool // of a request that failed before
}

// New starts the delivery of records with the given identities. touched: an
// earlier owner may have sent them. faultLimit is how long a single record with a
// transient fault is sent again.
func New(policy Policy, identities []uint64, touched bool, faultLimit time.Duration) *Delivery {
	n := len(identities)
	d := &Delivery{
		Policy:     policy,
		Identities: identities,
		Outcomes:   make([]Outcome, n),
		Touched:    make([]bool, n),
		Resent:     make([]bool, n),
		faultLimit: faultLimit,
		sends:      make([]int, n),
		since:      make([]time.Time, n),
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
		d.Touched[i] = touched
	}
	d.todo = []request{{records: all}}
	return d
}

// Next lists the records of the next request, in order; none when finished.
func (d *Delivery) Next() []int {
	if len(d.todo) == 0 {
		return nil
	}
	return d.todo[0].records
}

// Doubted says whether the next request failed before in a way that may be its
// records' fault: another failure says nothing of the account.
func (d *Delivery) Doubted() bool {
	return len(d.todo) > 0 && (d.todo[0].part || d.todo[0].fails > 0 && len(d.todo[0].records) == 1)
}

// Parted says whether the next request holds some but not all of the upload's records
// of an identity. An earlier request with all of them, applied after the next one, could
// then leave another version than the newest.
func (d *Delivery) Parted() bool {
	if len(d.todo) == 0 {
		return false
	}
	inside := map[uint64]int{}
	for _, i := range d.todo[0].records {
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
	for _, i := range d.todo[0].records {
		d.Resent[i] = d.Resent[i] || d.Touched[i]
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
	for _, i := range d.todo[0].records {
		d.sends[i]++
		switch {
		case d.Policy == Hold:
			d.Outcomes[i] = Held
		case d.Policy == Resend && d.sends[i] > MaxResends:
			d.Outcomes[i] = Outcome{Code: CodeAmbiguous, Reason: "sent as often as an event may be, and CleverTap never said whether it applied it"}
		default:
			d.Touched[i] = true
			again = append(again, i)
		}
	}
	if len(again) == 0 {
		return d.advance(nil)
	}
	d.todo[0].records = again
	return d.failed(res, now)
}

// blocked: nothing was applied, and what some record says may be why.
func (d *Delivery) blocked(res clevertap.Result, now time.Time) Wait {
	if r := &d.todo[0]; len(r.records) > 1 {
		r.part = true
		return d.halve(*r)
	}
	return d.failed(res, now)
}

// failed counts equal failures of the request. It is halved until a single record
// is left, which is suspected.
func (d *Delivery) failed(res clevertap.Result, now time.Time) Wait {
	r := &d.todo[0]
	if r.cause != res.Cause || r.status != res.Status {
		r.cause, r.status, r.fails = res.Cause, res.Status, 0
	}
	r.fails++
	most, alone := patience, 0
	switch {
	case res.Kind == clevertap.Blocked:
		alone = blockedAlone
	case res.Cause == cause555:
	case res.Status >= 200 && res.Status < 300:
		most, alone = patienceUnclear, unclearAlone
	case res.Cause == clevertap.CauseTimeout:
		most = patienceUnclear
	}
	if len(r.records) > 1 {
		if r.fails < most {
			return Backoff
		}
		r.part = true
		d.halve(*r)
		return Backoff
	}
	i := r.records[0]
	if d.since[i].IsZero() {
		d.since[i] = now
	}
	if alone > 0 && r.fails >= alone || alone == 0 && now.Sub(d.since[i]) >= d.faultLimit {
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
		if parts[i].fails--; len(parts[i].records) == 1 || parts[i].fails < 0 {
			parts[i].fails = 0
		}
	}
	d.todo = append(parts, d.todo[1:]...)
	return Go
}

// split halves a request that CleverTap refuses whole; a record alone in it is
// rejected.
//
// Invariant 8: a permanent fault of one record costs at most log2(n) requests
// and only that record.
func (d *Delivery) split(code, reason string) Wait {
	r := d.todo[0]
	if len(r.records) == 1 {
		d.Outcomes[r.records[0]] = Outcome{Code: code, Reason: reason}
		return d.advance(nil)
	}
	return d.halve(r)
}

// Convict rejects the suspect: the account works for other records.
func (d *Delivery) Convict() Wait {
	r := d.todo[0]
	o := Outcome{Code: CodeUnanswered, Reason: "CleverTap does not answer a request with this record alone as it should, and answers others"}
	switch {
	case r.status == 403:
		o = Outcome{Code: CodeBlocked, Reason: "a firewall in front of CleverTap refuses a request with this record alone, and takes others"}
	case r.cause == cause555:
		o = too555
	}
	d.Outcomes[r.records[0]] = o
	return d.advance(nil)
}

// Acquit lets the suspect be sent again: the account did not work.
func (d *Delivery) Acquit() {
	r := &d.todo[0]
	r.fails, d.since[r.records[0]] = 0, time.Time{}
}

// too555 is the outcome of a record that CleverTap refuses for a moment, again and
// again, while it takes others.
var too555 = Outcome{Code: "clevertap_555", Reason: "CleverTap answers with code 555 for this record for too long, and takes others"}

// cause555 is the cause of a request of one record that is answered with code 555.
const cause555 = "code_555"

// answered takes in an outcome for each record.
func (d *Delivery) answered(res clevertap.Result, now time.Time) Wait {
	if res.All555() {
		// No record is at fault, unless it keeps getting the code alone in its request.
		res.Cause = cause555
		return d.failed(res, now)
	}
	set := d.todo[0].records
	var again []int
	repeated := map[uint64]bool{}
	for n, i := range set {
		o := res.Outcomes[n]
		switch {
		case o.Verdict == clevertap.Retry555:
			if d.since[i].IsZero() {
				d.since[i] = now
			}
			if now.Sub(d.since[i]) >= d.faultLimit {
				d.Outcomes[i] = too555 // and CleverTap takes others beside it
				continue
			}
			again = append(again, i)
			repeated[d.Identities[i]] = true
		case o.Verdict == clevertap.Loaded && d.Policy == Replace && repeated[d.Identities[i]]:
			// An earlier record of the identity is sent again, so this one, which is
			// newer, must follow it again.
			d.Touched[i] = true
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
	d.todo = d.todo[1:]
	if again != nil {
		d.todo = append([]request{{records: again}}, d.todo...)
	}
	if len(d.todo) == 0 {
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
	d.todo = nil
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

// Clean is true when no record that is still undecided can have been applied.
func (d *Delivery) Clean() bool {
	for i, touched := range d.Touched {
		if touched && !d.Outcomes[i].Decided() {
			return false
		}
	}
	return true
}
