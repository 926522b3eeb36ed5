// Package delivery decides what becomes of the records of one upload, answer by
// answer: which records to send next, which have their outcome, and what to
// wait for. It is pure: requests, clocks and reports are its caller's.
package delivery

import (
	"slices"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// MaxServerErrors caps how often a record that CleverTap answers with code 555,
// "miscellaneous server error", is sent.
const MaxServerErrors = 5

// Codes of rejects that the loader itself gives.
const (
	CodeAmbiguous  = "ambiguous"         // written, answer unknown, and the import holds such records
	CodeMalformed  = "request_malformed" // CleverTap refused the request with this record alone in it
	CodeTooLarge   = "record_too_large"  // the record alone is more than CleverTap takes
	CodeUnknownRun = "unknown_run"       // of a run that never was
)

// Policy is how an import's records may be sent again.
type Policy int

// Policies.
const (
	// Replace is for profiles without operators: the last write wins, so sending
	// again is harmless as long as it is the newest.
	Replace Policy = iota
	// Resend is for events, and for profiles with operators, that may be sent
	// twice.
	Resend
	// Hold is for those that may not: a record whose fate is unknown is rejected
	// as ambiguous, for a person to decide.
	Hold
)

// PolicyOf is the policy of an import's records.
func PolicyOf(spec *schemas.ImportSpec) Policy {
	hasOperator := func(p schemas.Property) bool { return p.Op != "" }
	switch {
	case spec.Destination.Type == schemas.TypeProfile && !slices.ContainsFunc(spec.Mapping, hasOperator):
		return Replace
	case spec.Destination.OnAmbiguous == "hold":
		return Hold
	}
	return Resend
}

// Outcome is what became of a record. The zero value is undecided.
type Outcome struct {
	Loaded bool
	Code   string // of a reject
	Reason string
	Skip   string // reason of a skip
}

// Held is the outcome of an ambiguous record under the policy Hold.
var Held = Outcome{Code: CodeAmbiguous, Reason: "sent, but whether CleverTap applied it is unknown"}

// Decided is true of a final outcome.
func (o Outcome) Decided() bool { return o != Outcome{} }

// Wait is what must pass before the next request of the upload.
type Wait int

// Waits.
const (
	Go       Wait = iota // nothing: send what is next at once
	Backoff              // a transient fault: wait with jitter
	Horizon              // as Backoff, and until the last request can no longer arrive
	Throttle             // too many requests: wait, and use fewer slots
	Refused              // the account is refused or misconfigured: wait for a person
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

	todo   [][]int // records to send, set by set
	errors []int   // 555 answers of each record
}

// New starts the delivery of records with the given identities. touched: an
// earlier owner may have sent them.
func New(policy Policy, identities []uint64, touched bool) *Delivery {
	n := len(identities)
	d := &Delivery{
		Policy:     policy,
		Identities: identities,
		Outcomes:   make([]Outcome, n),
		Touched:    make([]bool, n),
		Resent:     make([]bool, n),
		errors:     make([]int, n),
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
		d.Touched[i] = touched
	}
	d.todo = [][]int{all}
	return d
}

// Next lists the records of the next request, in order; none when finished.
func (d *Delivery) Next() []int {
	if len(d.todo) == 0 {
		return nil
	}
	return d.todo[0]
}

// sent notes that the request of Next was, or may have been, written.
func (d *Delivery) sent() {
	d.Tries++
	for _, i := range d.todo[0] {
		d.Resent[i] = d.Resent[i] || d.Touched[i]
	}
}

// Apply takes in the answer to the request of Next.
func (d *Delivery) Apply(res clevertap.Result) Wait {
	if res.Kind != clevertap.NotSent {
		d.sent()
	}
	switch res.Kind {
	case clevertap.Done:
		return d.answered(res)
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
	}
	return d.ambiguous(res)
}

// ambiguous: the request may have been applied.
func (d *Delivery) ambiguous(res clevertap.Result) Wait {
	set := d.todo[0]
	if d.Policy == Hold {
		for _, i := range set {
			d.Outcomes[i] = Held
		}
		return d.advance(nil)
	}
	for _, i := range set {
		d.Touched[i] = true
	}
	// A server that answered by itself has ended the request; behind a gateway, a
	// reset or a silence it may still be under way and arrive last. Waiting until
	// it cannot makes the next request the repair: the identities stay locked, so
	// it carries the newest record of each.
	if d.Policy == Replace && res.Status != 500 && res.Status != 503 {
		return Horizon
	}
	return Backoff
}

// split halves the request; a record alone in it is rejected.
//
// Invariant 8: a permanent fault of one record costs at most log2(n) requests
// and only that record.
func (d *Delivery) split(code, reason string) Wait {
	set := d.todo[0]
	if len(set) == 1 {
		d.Outcomes[set[0]] = Outcome{Code: code, Reason: reason}
		return d.advance(nil)
	}
	half := len(set) / 2
	d.todo = append([][]int{set[:half], set[half:]}, d.todo[1:]...)
	return Go
}

// answered takes in an outcome for each record.
func (d *Delivery) answered(res clevertap.Result) Wait {
	set := d.todo[0]
	var again []int
	repeated := map[uint64]bool{}
	for n, i := range set {
		o := res.Outcomes[n]
		switch {
		case o.Verdict == clevertap.Retry555:
			d.errors[i]++
			if d.errors[i] < MaxServerErrors {
				again = append(again, i)
				repeated[d.Identities[i]] = true
				continue
			}
			d.Outcomes[i] = Outcome{Code: o.Code, Reason: o.Reason}
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
		d.todo = append([][]int{again}, d.todo...)
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
