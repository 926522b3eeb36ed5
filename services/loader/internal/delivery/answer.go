package delivery

import (
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// superseded is the outcome of a profile's record that CleverTap refused for a moment
// while it took a newer one of the same identity, which writes all that this one does.
var superseded = Outcome{Skip: schemas.SkipSuperseded}

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
			d.failsSince(i, now)
			if now.Sub(d.failingSince[i]) >= d.faultLimit {
				d.Outcomes[i] = stuck555 // CleverTap takes other records of the same request
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

// newestTaken returns, for each identity whose last write wins, the place of its newest
// record in the request that CleverTap took. Nobody needs it unless a record was refused
// for a moment, which is rare.
func newestTaken(d *Delivery, set []int, res clevertap.Result) map[uint64]int {
	refused := func(o clevertap.Outcome) bool { return o.Verdict == clevertap.Retry555 }
	if d.Policy != Replace || !slices.ContainsFunc(res.Outcomes, refused) {
		return nil
	}
	newest := map[uint64]int{}
	for n, i := range set {
		if res.Outcomes[n].Verdict == clevertap.Loaded {
			newest[d.Identities[i]] = n
		}
	}
	return newest
}
