package loader

import (
	"log/slog"
	"slices"
	"time"

	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/clevertap"
	"tapline.dev/services/loader/internal/delivery"
)

// probeRecord is the record of a probe, the request that shows whether an account works.
// It is sent with dryRun=1, so CleverTap stores nothing, and it is about no user.
var probeRecord = []byte(`{"type":"profile","identity":"tapline-check","profileData":{"Name":"Tapline"}}`)

// probe finds out whether an account works, while requests are held back or after a
// failure whose cause may be the account or a record. It sends probeRecord, so that an
// outage uses up no tries of an import's record, and the answer is about the account
// alone.
func (l *loop) probe(d *destination, now time.Time) {
	if d.conn == nil || d.resolving || !d.busy() || d.account.Free(now) < 1 || !d.account.TryProbe(now) {
		return
	}
	if _, frozen := l.frozenBy(d.name, ""); frozen {
		d.account.ProbeDropped(now)
		return
	}
	conn := d.conn
	d.account.RequestBegan()
	l.start(func() {
		l.metrics.started(l.work, d.name, "", 0)
		began := time.Now()
		res, err := conn.client.UploadIf(l.work, [][]byte{probeRecord}, true, func() error { return l.mayProbe(conn) })
		if err != nil {
			res = clevertap.Result{Kind: clevertap.ConfigFault, Cause: "request"}
		}
		l.metrics.clock(l.work, res.Date, began, time.Now())
		l.metrics.answered(l.work, d.name, "", res.Kind.String(), 1, time.Since(began))
		l.post(func(l *loop, now time.Time) {
			d.account.RequestEnded()
			if res.Kind == clevertap.AuthRefused && conn == d.conn {
				d.rereadSecrets = true
			}
			l.learned(d, d.account.Probed(account.Answer{Result: res, Began: began}, now), began, now)
		})
	})
}

// learned acts on a change of the account's circuit. An answer made the change; its
// request began at began.
func (l *loop) learned(d *destination, change account.Change, began, now time.Time) {
	switch change {
	case account.Paused:
		_, reason, _ := d.account.Open()
		l.log().WarnContext(l.work, "account paused", slog.String("account", d.name), slog.String("reason", reason))
		for _, u := range d.waiting {
			u.clearSuspect()
		}
	case account.Resumed:
		l.log().InfoContext(l.work, "account resumed", slog.String("account", d.name))
		l.announceOver(d, now)
	case account.Working:
		l.announceOver(d, now)
		l.rejectSuspects(d, began, now)
	}
}

// suspected requests a probe of the account: if it works, the suspected record is at fault.
// If requests are held back already, the record is cleared of suspicion.
func (l *loop) suspected(u *upload) {
	if _, _, open := u.destination.account.Open(); open {
		u.clearSuspect()
		return
	}
	u.destination.account.RequestProbe()
}

// clearSuspect ends the suspicion, so that the upload is sent again.
func (u *upload) clearSuspect() {
	if u.suspect {
		u.suspect = false
		u.delivery.ClearSuspect()
	}
}

// rejectSuspects rejects the suspected records whose own last request began before began,
// the start of a request that the account answered properly: the account works, so
// these records are at fault.
func (l *loop) rejectSuspects(d *destination, began, now time.Time) {
	d.waiting = slices.DeleteFunc(d.waiting, func(u *upload) bool {
		if !u.suspect || u.part.draining || !u.began.Before(began) {
			return false
		}
		u.suspect, u.notBefore = false, now
		if u.delivery.RejectSuspect() != delivery.Finished {
			return false
		}
		u.part.enter()
		l.start(func() { l.settle(u) })
		return true
	})
}
