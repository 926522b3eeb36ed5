package loader

import (
	"bytes"
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/lane"
	"tapline.dev/services/loader/internal/recovery"
)

// upload is a batch on its way to an account.
type upload struct {
	part     *part
	subject  string
	account  *account
	client   uploader
	batch    *lane.Batch
	run      *schemas.ActiveRun // nil of a run that is over or never was
	number   int
	attempt  int
	delivery *delivery.Delivery

	notBefore time.Time // of the next request
	probe     bool      // asks whether the account is back
	failures  int       // transient faults in a row
	began     time.Time // of the last request
	status    int
	took      time.Duration
	profiles  map[int]string // of a dry run: whether the records' profiles exist

	ctx  context.Context
	span trace.Span
}

// maxLinks bounds the batches that an upload's span is linked to.
const maxLinks = 16

// newUpload starts the upload of a batch.
func (m *member) newUpload(a *account, c *candidate, b *lane.Batch, now time.Time) *upload {
	identities := make([]uint64, len(b.Items))
	for i := range b.Items {
		identities[i] = b.Items[i].Identity
	}
	touched := b.Fate == recovery.Ambiguous
	u := &upload{
		part: c.part, subject: c.subject, account: a, batch: b, run: c.run, number: c.run.Number, attempt: c.run.Attempt,
		delivery:  delivery.New(c.policy, identities, touched),
		notBefore: now,
	}
	if touched && c.policy == delivery.Replace {
		// Until the earlier owner's request can no longer arrive. Clocks of two
		// machines meet here, so the wait is never longer than a request.
		u.notBefore = minTime(c.part.lane.Until(), now.Add(m.cfg.RequestTimeout))
	}
	ctx := telemetry.ContextWith(m.work, c.run.Traceparent)
	u.ctx, u.span = m.tracer.Start(ctx, "send upload",
		trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(links(b)...), trace.WithAttributes(
			attribute.String("tapline.run", c.run.Run),
			attribute.Int("tapline.attempt", c.run.Attempt),
			attribute.String("tapline.account", a.name),
			attribute.Int("messaging.destination.partition.id", int(c.part.tp.Partition)),
			attribute.Int("messaging.batch.message_count", len(b.Items)),
		))
	return u
}

// links name the mapper's batches that the records came in.
func links(b *lane.Batch) []trace.Link {
	var out []trace.Link
	var last []byte
	seen := map[string]bool{}
	for i := range b.Items {
		parent := kafka.HeaderValue(b.Items[i].Record, schemas.HeaderTraceparent)
		if parent == nil || bytes.Equal(parent, last) || seen[string(parent)] {
			continue
		}
		last = parent
		seen[string(parent)] = true
		if link, ok := telemetry.LinkTo(string(parent)); ok && len(out) < maxLinks {
			out = append(out, link)
		}
	}
	return out
}

// launch takes a slot for the upload's next request. One that must still wait
// goes back into the line. The caller holds mu.
func (m *member) launch(u *upload, now time.Time) bool {
	if u.notBefore.After(now) {
		u.probe = false
		u.account.waiting = append(u.account.waiting, u)
		return false
	}
	u.client = u.account.client
	u.account.inFlight++
	u.part.active++
	m.tasks.Go(func() { m.send(u) })
	return true
}

// send writes the intent, then the request.
func (m *member) send(u *upload) {
	if err := m.young(u); err != nil {
		m.requeue(u, time.Now().Add(m.cfg.Linger))
		return
	}
	set := u.delivery.Next()
	records := make([][]byte, len(set))
	for n, i := range set {
		records[n] = u.batch.Items[i].Record.Value
	}
	failpoint.Hit("loader.before-intent")
	if err := m.intend(m.work, u, set, false); err != nil {
		m.mu.Lock()
		u.account.inFlight--
		m.drop(u)
		m.mu.Unlock()
		m.fail(err)
		return
	}
	failpoint.Hit("loader.after-intent")
	m.metrics.started(m.work, u.account.name)
	u.began = time.Now()
	res, err := u.client.UploadIf(u.ctx, records, isDry(u.run), func() error { return m.young(u) })
	if err != nil {
		res = clevertap.Result{Kind: clevertap.ConfigFault, Cause: "request"}
	}
	failpoint.Hit("loader.after-answer")
	u.took, u.status = time.Since(u.began), res.Status
	m.metrics.answered(m.work, u.account.name, res.Kind.String(), len(set), u.took)
	u.span.AddEvent("answer", trace.WithAttributes(
		attribute.String("result", res.Kind.String()), attribute.String("cause", res.Cause),
		attribute.Int("http.response.status_code", res.Status), attribute.Int("records", len(set))))
	m.answered(u, res)
}

// requeue puts an upload back that sent nothing.
func (m *member) requeue(u *upload, at time.Time) {
	m.mu.Lock()
	u.account.inFlight--
	if u.probe {
		u.account.circuit.Dropped(time.Now())
	}
	u.probe, u.notBefore = false, at
	m.putBack(u)
	m.mu.Unlock()
	poke(m.wake)
}

// putBack lets an upload wait for its next request. The caller holds mu.
func (m *member) putBack(u *upload) {
	if u.part.gone {
		u.span.End()
	} else {
		u.account.waiting = append(u.account.waiting, u)
	}
	m.leave(u.part)
}

var errOld = errors.New("the lease or the membership may end before the request does, or has ended")

// young says whether a request that is written now ends while its slot and its
// partition are surely still this process's. Both ages are monotonic.
func (m *member) young(u *upload) error {
	now := time.Now()
	end := now.Add(m.cfg.RequestTimeout)
	contact := m.group.Contact()
	if contact.IsZero() || contact.Add(m.cfg.Kafka.SessionTimeout).Before(end) {
		return errOld
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if u.part.gone {
		return errOld // the contact is of the group, and says nothing of one partition
	}
	if u.client != u.account.client {
		return errOld // the slot may be of another CleverTap account's lease
	}
	if until := u.account.share.Until(now); !until.IsZero() && until.Before(end) {
		return errOld
	}
	return nil
}

// intend makes the intent of a request durable, or withdraws it.
func (m *member) intend(ctx context.Context, u *upload, set []int, withdrawn bool) error {
	return m.write(ctx, u, schemas.Report{Kind: schemas.ReportIntent, Intent: &schemas.Intent{
		Upload: u.id(), Partition: u.part.tp.Partition, Ranges: ranges(u.batch, set), Records: len(set),
		Try: u.delivery.Tries + 1, Holder: u.part.holder, Withdrawn: withdrawn,
	}})
}

// withdraw takes back the intents of an upload whose undecided records were
// refused whole: whoever takes over need not call them ambiguous. They are more
// than those of the next request, if the upload was split.
func (m *member) withdraw(ctx context.Context, u *upload) error {
	return m.intend(ctx, u, u.delivery.Undecided(), true)
}

// answered takes in an answer: what it says of the account, what of the records.
func (m *member) answered(u *upload, res clevertap.Result) {
	now := time.Now()
	m.mu.Lock()
	u.account.inFlight--
	m.learn(u, res, now)
	u.probe = false
	wait := u.delivery.Apply(res)
	u.notBefore = m.until(u, wait, res, now)
	// The intents of a partition that is gone are its next owner's to judge.
	withdraw := wait != delivery.Go && u.delivery.Clean() && !u.part.gone
	m.mu.Unlock()
	poke(m.wake)
	if wait == delivery.Finished {
		m.settle(u)
		return
	}
	if withdraw {
		if err := m.withdraw(m.work, u); err != nil {
			m.fail(err)
		}
	}
	m.mu.Lock()
	m.putBack(u)
	m.mu.Unlock()
	poke(m.wake)
}

// drop gives an upload up that will not go on here. The caller holds mu.
func (m *member) drop(u *upload) {
	u.span.End()
	m.leave(u.part)
}

// leave ends one activity of a partition. The caller holds mu.
func (m *member) leave(p *part) {
	p.active--
	if p.draining && p.active == 0 {
		close(p.idle)
	}
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
