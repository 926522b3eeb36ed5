package loader

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"tapline.dev/domain/control"
	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/lane"
)

// settle makes the outcomes of an upload durable and lets its partition go on.
func (m *member) settle(u *upload) {
	m.lookUpProfiles(u)
	err := m.report(m.writing, u)
	if err != nil {
		m.fail(err)
	}
	m.post(func(l *loop, now time.Time) {
		if err == nil && !u.ownership.lost.Load() {
			l.release(u.part, u.batch, u.openUntil, now)
		}
		l.endUpload(u)
	})
}

// report writes the rejects, then the receipt, of the records that have an
// outcome.
//
// Invariant 1: the rejects are acknowledged before the receipt that counts them.
func (m *member) report(ctx context.Context, u *upload) error {
	var decided []int
	var rejects []*kafka.Record
	receipt := &schemas.Receipt{Upload: u.id(), Partition: u.part.tp.Partition, Status: u.status, Millis: u.took.Milliseconds()}
	counts := map[delivery.Outcome]int64{}
	for i, o := range u.delivery.Outcomes {
		if !o.Decided() {
			continue
		}
		decided = append(decided, i)
		item := &u.batch.Items[i]
		switch {
		case o.Code != "":
			rec, err := m.reject(u, item, o)
			if err != nil {
				return err
			}
			rejects = append(rejects, rec)
			receipt.Rejected = append(receipt.Rejected, schemas.OffsetOutcome{Offset: item.Record.Offset, Code: o.Code})
		case o.Skip != "":
			receipt.Skipped = append(receipt.Skipped, schemas.OffsetOutcome{Offset: item.Record.Offset, Code: o.Skip})
			if o.Skip == schemas.SkipSuppressed {
				receipt.Suppressed = append(receipt.Suppressed, item.ID.Seq)
			}
		}
		if u.delivery.Resent[i] {
			receipt.Resent++
		}
		if u.delivery.Uncertain(i) {
			receipt.Uncertain++
		}
		if code := u.profiles[i]; code != "" {
			receipt.Profiles = append(receipt.Profiles, schemas.OffsetOutcome{Offset: item.Record.Offset, Code: code})
		}
		counts[delivery.Outcome{Loaded: o.Loaded, Code: o.Code, Skip: o.Skip}]++
	}
	if len(decided) == 0 {
		return nil
	}
	if len(rejects) > 0 {
		if err := m.journal.write(ctx, rejects...); err != nil {
			return fmt.Errorf("writing rejects: %w", err)
		}
		failpoint.Hit("loader.after-rejects")
	}
	receipt.Ranges, receipt.Records, receipt.OpenMillis = ranges(u.batch, decided), len(decided), u.openMillis(time.Now())
	if n := len(receipt.Skipped); n == len(decided) {
		receipt.SkipReason, receipt.Skipped = receipt.Skipped[0].Code, nil
	}
	if u.delivery.Outcomes[decided[0]].Code != delivery.CodeUnknownRun {
		if err := m.reportOf(ctx, u, schemas.Report{Kind: schemas.ReportReceipt, Receipt: receipt}); err != nil {
			return err
		}
	}
	failpoint.Hit("loader.after-receipt")
	m.count(u, counts, receipt.Resent)
	return nil
}

func (m *member) count(u *upload, counts map[delivery.Outcome]int64, resent int64) {
	if schemas.IsTrial(u.subject) {
		return // an import's metrics do not count trials
	}
	for o, n := range counts {
		switch {
		case o.Loaded:
			m.metrics.counted(m.work, u.subject, "loaded", "", n)
			u.span.SetAttributes(attribute.Int64("tapline.loaded", n))
		case o.Code != "":
			m.metrics.counted(m.work, u.subject, "rejected", o.Code, n)
		default:
			m.metrics.counted(m.work, u.subject, "skipped", o.Skip, n)
		}
	}
	if resent > 0 {
		m.metrics.resent.Add(m.work, resent)
	}
	u.span.SetAttributes(attribute.Int64("tapline.resent", resent), attribute.Int("tapline.requests", u.delivery.Tries))
}

// rejectOverhead is more than a reject's own fields take beside the record.
const rejectOverhead = 4096

func (m *member) reject(u *upload, item *lane.Item, o delivery.Outcome) (*kafka.Record, error) {
	r := item.Record
	class := "data" // for a code of CleverTap's that schemas/errors.json lacks
	if info, ok := schemas.LookupError(o.Code); ok {
		class = info.Class
	}
	reject := schemas.Reject{
		Stage: schemas.StageLoad, Code: o.Code, Class: class, Reason: o.Reason,
		Import: schemas.ImportOf(u.subject), Run: schemas.RunOf(u.subject, u.number), Attempt: u.attempt,
		ID: string(kafka.HeaderValue(r, schemas.HeaderID)), Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Time:     time.Now().UTC(),
		Clock:    schemas.ParseClock(kafka.HeaderValue(r, schemas.HeaderClock)),
		ReplayOf: schemas.ReplayOf(kafka.HeaderValue(r, schemas.HeaderReplayOf)),
	}
	if !schemas.IsTrial(u.subject) {
		reject.Identity = schemas.RejectIdentity(r.Key)
	}
	if !schemas.IsTrial(u.subject) && len(r.Value)+rejectOverhead < int(m.cfg.Kafka.MaxMessageBytes) && json.Valid(r.Value) {
		reject.Record = r.Value
	}
	rec, err := control.Reject(m.topics.RejectsOf(u.subject), reject, source)
	if err != nil {
		return nil, fmt.Errorf("writing a reject: %w", err)
	}
	return rec, nil
}

// reportOf makes a report about an upload durable.
func (m *member) reportOf(ctx context.Context, u *upload, report schemas.Report) error {
	report.Import, report.Run = schemas.ImportOf(u.subject), schemas.RunOf(u.subject, u.number)
	report.Number, report.Attempt, report.Time = u.number, u.attempt, time.Now().UTC()
	if u.run != nil {
		report.TraceID = u.run.TraceID
	}
	return m.journal.report(ctx, report)
}

// ranges are the offsets of some of a batch's records, in order, broken where
// offsets are missing.
func ranges(b *lane.Batch, which []int) []schemas.Range {
	var out []schemas.Range
	for _, i := range which {
		item := &b.Items[i]
		offset := item.Record.Offset
		if n := len(out); n > 0 && out[n-1].To+1 == offset {
			out[n-1].To = offset
			continue
		}
		out = append(out, schemas.Range{Prev: item.Prev, From: offset, To: offset})
	}
	return out
}
