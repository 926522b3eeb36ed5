package delivery

import (
	"net/http"
	"time"

	"tapline.dev/services/loader/internal/clevertap"
)

// ambiguous takes in a failure of a request that may have been applied.
func (d *Delivery) ambiguous(res clevertap.Result, now time.Time) Wait {
	var again []int
	for _, i := range d.requests[0].records {
		d.mayBeAppliedTimes[i]++
		switch {
		case d.Policy == Hold:
			d.Outcomes[i] = Held
		case d.Policy == Resend && d.timesOf(i) > MaxResends:
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

// blocked takes in that a firewall has refused the request: nothing was applied, and the
// content of a record may be why.
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
	d.failsSince(i, now)
	if alone > 0 && r.failures >= alone || alone == 0 && now.Sub(d.failingSince[i]) >= d.faultLimit {
		return Suspect
	}
	return Backoff
}

// failsSince notes when a record first failed.
func (d *Delivery) failsSince(i int, now time.Time) {
	if _, known := d.failingSince[i]; !known {
		d.failingSince[i] = now
	}
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
	case r.status == http.StatusForbidden, r.status == http.StatusBadRequest:
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
	r.failures = 0
	delete(d.failingSince, r.records[0])
}
