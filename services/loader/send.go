package loader

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/failpoint"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/clevertap"
	"tapline.dev/services/loader/internal/delivery"
)

// launch gives the upload a slot for its next request, or puts it back if it must wait
// longer.
func (l *loop) launch(u *upload, now time.Time) {
	if u.notBefore.After(now) {
		u.destination.waiting = append(u.destination.waiting, u)
		return
	}
	if verdict, err := l.runs.Peek(u.subject, u.number, u.attempt); err == nil && !l.mayGoTo(verdict.Run, u.destination, now) {
		u.notBefore = now.Add(placeRecheck)
		u.destination.waiting = append(u.destination.waiting, u)
		return
	}
	u.conn = u.destination.conn
	u.destination.account.RequestBegan()
	u.part.enter()
	if u.run.Verify != nil {
		l.start(func() { l.lookUpRecords(u) })
		return
	}
	l.start(func() { l.send(u) })
}

// send is the task of one request: the intent, the request, what the answer makes
// of each record, and the receipt once all have an outcome.
func (m *member) send(u *upload) {
	if m.mayWrite(u) != nil || m.screen(u) != nil {
		m.post(func(l *loop, now time.Time) { l.sentNothing(u, now) })
		return
	}
	set := u.delivery.Next()
	if len(set) == 0 { // every person in it is suppressed
		m.post(func(*loop, time.Time) { u.destination.account.RequestEnded() })
		m.settle(u)
		return
	}
	failpoint.Hit("loader.before-intent")
	if err := m.writeIntent(m.work, u, set, false); err != nil {
		m.fail(err)
		m.post(func(l *loop, _ time.Time) {
			u.destination.account.RequestEnded()
			l.endUpload(u)
		})
		return
	}
	failpoint.Hit("loader.after-intent")
	_ = m.confirmFreezes() // if it fails, maySend refuses the request
	answer := account.Answer{Result: m.request(u, set), Began: u.began, MayBeRecordsFault: u.delivery.MayBeRecordsFault()}
	failpoint.Hit("loader.after-answer")
	if until := m.cfg.mayBeApplied(answer.Result, u.began); until.After(u.openUntil) {
		u.openUntil = until
	}
	conn := u.conn
	m.post(func(l *loop, now time.Time) { l.answered(u.destination, conn, answer, now) })
	m.apply(u, answer.Result)
}

// request sends records of the upload.
func (m *member) request(u *upload, set []int) clevertap.Result {
	records := make([][]byte, len(set))
	for n, i := range set {
		records[n] = u.batch.Items[i].Record.Value
	}
	u.began = time.Now()
	m.metrics.started(m.work, u.destination.name, u.subject, u.began.Sub(u.readyAt))
	res, err := u.conn.client.UploadIf(u.context(m.work), records, isDry(u.run), func() error {
		return errors.Join(m.mayWrite(u), m.maySend(u, set))
	})
	if err != nil {
		res = clevertap.Result{Kind: clevertap.ConfigFault, Cause: "request"}
	}
	u.took, u.status = time.Since(u.began), res.Status
	m.metrics.clock(m.work, res.Date, u.began, u.began.Add(u.took))
	m.metrics.answered(u.context(m.work), u.destination.name, u.subject, res.Kind.String(), len(set), u.took)
	u.observe(res, len(set))
	return res
}

// observe puts an answer into the upload's span.
func (u *upload) observe(res clevertap.Result, records int) {
	waited := u.began.Sub(u.readyAt)
	u.span.AddEvent("answer", trace.WithAttributes(
		attribute.String("tapline.result", res.Kind.String()), attribute.String("tapline.cause", res.Cause),
		attribute.Int("http.response.status_code", res.Status), attribute.Int("messaging.batch.message_count", records),
		attribute.Float64("tapline.slot_wait", waited.Seconds()), attribute.Float64("tapline.took", u.took.Seconds())))
	u.span.SetAttributes(attribute.String("tapline.result", res.Kind.String()), attribute.Int("http.request.resend_count", u.delivery.Tries),
		attribute.Float64("tapline.slot_wait", waited.Seconds()))
	if res.Status > 0 {
		u.span.SetAttributes(attribute.Int("http.response.status_code", res.Status))
	}
	if res.Kind != clevertap.Done {
		u.span.Retried(res.Kind.String())
	}
}

var errMayOutliveRight = errors.New("the lease or the membership may end before the request does, or has ended")

// mayWrite returns an error unless this process is certain to keep the upload's slot and
// partition until a request that is written now has ended or timed out. The ages of
// the lease and of the last contact with the group are measured by the monotonic clock.
func (m *member) mayWrite(u *upload) error {
	if u.ownership.lost.Load() { // contact with the group says nothing of one partition
		return errMayOutliveRight
	}
	if _, held := m.heldBy(u.destination.name, u.subject); held {
		return errHeld
	}
	return m.mayProbe(u.conn)
}

// mayProbe is mayWrite for a probe, which belongs to no partition.
func (m *member) mayProbe(conn *connection) error {
	now := time.Now()
	end := now.Add(m.cfg.RequestTimeout)
	contact := m.group.Contact()
	if contact.IsZero() || contact.Add(m.cfg.Kafka.SessionTimeout).Before(end) || !conn.allows(now, end) {
		return errMayOutliveRight
	}
	return nil
}

// apply decides what an answer makes of the upload's records.
func (m *member) apply(u *upload, res clevertap.Result) {
	now := time.Now()
	wait := u.delivery.Apply(res, now)
	u.notBefore, u.suspect = m.nextRequest(u, wait, res, now), wait == delivery.Suspect
	if u.openUntil.After(u.notBefore) && u.delivery.SplitsIdentity() {
		// An earlier request with more records of the identity may still be applied. It
		// must not be applied after the next one.
		u.notBefore = u.openUntil
	}
	if wait == delivery.Finished {
		m.settle(u)
		return
	}
	// If the partition has moved, its next owner decides what the intents mean.
	if wait != delivery.Go && u.delivery.NothingApplied() && !u.ownership.lost.Load() {
		if err := m.withdraw(m.writing, u); err != nil {
			m.fail(err)
		}
	}
	m.post(func(l *loop, _ time.Time) { l.waitForNext(u) })
}

// nextRequest is when the upload's next request may go.
func (m *member) nextRequest(u *upload, wait delivery.Wait, res clevertap.Result, now time.Time) time.Time {
	switch {
	case wait == delivery.Go, wait == delivery.Finished:
		u.failures = 0
		return now
	case res.Cause == clevertap.CauseRefusedHere:
		return now.Add(m.cfg.Linger)
	}
	d := backoff.Delay(u.failures, m.cfg.BackoffMin, m.cfg.BackoffMax)
	u.failures++
	return now.Add(max(d, res.RetryAfter))
}

// answered frees the request's slot, and passes the answer to the account.
func (l *loop) answered(d *destination, conn *connection, answer account.Answer, now time.Time) {
	d.account.RequestEnded()
	if answer.Kind == clevertap.AuthRefused && conn == d.conn {
		d.rereadSecrets = true
	}
	l.learned(d, d.account.Learn(answer, now), answer.Began, now)
}

// sentNothing puts an upload back whose request must not be written now.
func (l *loop) sentNothing(u *upload, now time.Time) {
	u.destination.account.RequestEnded()
	u.notBefore = now.Add(l.cfg.Linger)
	l.waitForNext(u)
}

// waitForNext lets an upload wait for its next request.
func (l *loop) waitForNext(u *upload) {
	if u.ownership.lost.Load() {
		l.endUpload(u)
		return
	}
	u.destination.waiting = append(u.destination.waiting, u)
	if u.suspect {
		l.suspected(u)
	}
	u.part.leave()
}

// endUpload ends the work of this membership on an upload: its span, and its task's place
// in the count of the partition.
func (l *loop) endUpload(u *upload) {
	for range u.delivery.Undecided() {
		u.span.Fail("interrupted")
		break
	}
	u.span.End()
	u.part.leave()
}

// writeIntent makes the intent of a request durable, or withdraws it.
func (m *member) writeIntent(ctx context.Context, u *upload, set []int, withdrawn bool) error {
	open := m.cfg.openTime().Milliseconds()
	if withdrawn {
		open = u.openMillis(time.Now())
	}
	return m.reportOf(ctx, u, schemas.Report{Kind: schemas.ReportIntent, Intent: &schemas.Intent{
		Upload: u.id(), Partition: u.part.tp.Partition, Ranges: ranges(u.batch, set), Records: len(set),
		Try: u.delivery.Tries + 1, Holder: u.ownership.holder, Withdrawn: withdrawn, OpenMillis: open,
		Earlier: u.delivery.Earlier(set),
	}})
}

// withdraw takes back the intents of an upload's undecided records, none of which was
// applied: a next owner then need not take them for ambiguous. If the upload was split,
// these are more records than those of the next request.
func (m *member) withdraw(ctx context.Context, u *upload) error {
	return m.writeIntent(ctx, u, slices.Collect(u.delivery.Undecided()), true)
}
