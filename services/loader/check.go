package loader

import (
	"log/slog"
	"slices"
	"time"

	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/clevertap"
	"tapline.dev/services/loader/internal/delivery"
)

// harmless is the record that an account is asked with whether it works. It goes
// out with dryRun=1 and is stored nowhere, and nothing of it is anybody's.
var harmless = []byte(`{"type":"profile","identity":"tapline-check","profileData":{"Name":"Tapline"}}`)

// check asks an account whether it works, where requests are held back or somebody
// doubts it. No record of an import is used up by an outage that way, and an answer
// about a record can be told from an answer about the account.
func (l *loop) check(d *destination, now time.Time) {
	if d.conn == nil || d.resolving || !d.busy() || d.account.Free(now) < 1 || !d.account.Check(now) {
		return
	}
	if _, frozen := l.frozenBy(d.name, ""); frozen {
		d.account.CheckDropped(now)
		return
	}
	conn := d.conn
	d.account.Began()
	l.start(func() {
		l.metrics.started(l.work, d.name)
		began := time.Now()
		res, err := conn.client.UploadIf(l.work, [][]byte{harmless}, true, func() error { return l.mayAsk(conn) })
		if err != nil {
			res = clevertap.Result{Kind: clevertap.ConfigFault, Cause: "request"}
		}
		l.metrics.answered(l.work, d.name, res.Kind.String(), 1, time.Since(began))
		l.post(func(l *loop, now time.Time) {
			d.account.Ended()
			if res.Kind == clevertap.AuthRefused && conn == d.conn {
				d.stale = true
			}
			l.learned(d, d.account.Checked(account.Answer{Result: res, Began: began}, now), began, now)
		})
	})
}

// learned does what follows from a change of the account, which an answer to a
// request that began at began has made.
func (l *loop) learned(d *destination, change account.Change, began, now time.Time) {
	switch change {
	case account.Paused:
		_, reason, _ := d.account.Open()
		l.log().WarnContext(l.work, "account paused", slog.String("account", d.name), slog.String("reason", reason))
		for _, u := range d.waiting {
			u.acquit()
		}
	case account.Resumed:
		l.log().InfoContext(l.work, "account resumed", slog.String("account", d.name))
		l.announceOver(d, now)
	case account.Works:
		l.announceOver(d, now)
		l.convict(d, began, now)
	}
}

// suspected looks for a sign that the account works for others than the upload.
func (l *loop) suspected(u *upload) {
	if _, _, open := u.to.account.Open(); open {
		u.acquit()
		return
	}
	u.to.account.Doubt()
}

// acquit lets a suspect be sent again.
func (u *upload) acquit() {
	if u.suspect {
		u.suspect = false
		u.delivery.Acquit()
	}
}

// convict rejects the records that were suspected before a request began that was
// answered as it should.
func (l *loop) convict(d *destination, began, now time.Time) {
	d.waiting = slices.DeleteFunc(d.waiting, func(u *upload) bool {
		if !u.suspect || u.part.draining || !u.began.Before(began) {
			return false
		}
		u.suspect, u.notBefore = false, now
		if u.delivery.Convict() != delivery.Finished {
			return false
		}
		u.part.enter()
		l.start(func() { l.settle(u) })
		return true
	})
}
