package mapper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// lookUpTimeout bounds the time to read one import's control records. They may be in
// a partition that is offline, or behind a hanging transaction, and the rows of
// other imports wait meanwhile.
const lookUpTimeout = 5 * time.Second

// maxClockDifference bounds how far the clocks of services and brokers may differ.
const maxClockDifference = time.Hour

// member is what one membership of the group knows: which partitions it can write
// to, and what was mapped before it began.
type member struct {
	s               *Service
	group           *kafka.GroupTransactor
	paused          *pausedPartitions
	writable        map[kafka.TP]bool         // whether a partition was found to be writable
	mapped          map[attemptKey]lastMapped // results of mappedBefore
	unreadable      map[string]time.Time      // topics that cannot be read: when to subscribe again
	unreadablePause map[string]time.Duration
}

// lastMapped is the last offset that is counted in a report, -1 for none.
type lastMapped int64

// unknown is the last offset of rows of which the reports have been lost.
const unknown = lastMapped(-2)

func newMember(s *Service, group *kafka.GroupTransactor) *member {
	return &member{
		s: s, group: group, paused: newPausedPartitions(group), writable: map[kafka.TP]bool{}, mapped: map[attemptKey]lastMapped{},
		unreadable: map[string]time.Time{}, unreadablePause: map[string]time.Duration{},
	}
}

// mappedBefore returns up to which offset the rows of an attempt are counted already.
// The group's offsets may have expired or been set back, so rows may be polled a
// second time. Each row is in exactly one report, which was written in the
// transaction that mapped the row, so the reports show which rows those are.
//
// If they were deleted with their topic, it returns unknown: mapped again, rows could go out
// after newer ones.
//
// Invariant 3: a row is counted once.
func (m *member) mappedBefore(ctx context.Context, key attemptKey, topic string, run *schemas.ActiveRun) (lastMapped, error) {
	if !m.group.InDoubt(kafka.TP{Topic: topic, Partition: key.partition}) {
		return -1, nil
	}
	if to, known := m.mapped[key]; known {
		return to, nil
	}
	reports := kafka.TP{Topic: m.s.topics.Reports(), Partition: schemas.ControlPartition(key.subject)}
	id, err := m.s.reader.TopicID(ctx, reports.Topic)
	if err != nil {
		return 0, err
	}
	if run.ReportsLost(id) {
		m.s.deps.Telemetry.Logger.WarnContext(ctx, "the group's offsets are gone and the reports topic was created again: the rest of the run is skipped, and the run fails",
			slog.String("topic", topic), slog.Int("partition", int(key.partition)))
		m.mapped[key] = unknown
		return unknown, nil
	}
	from := int64(0)
	if !run.StartedAt.IsZero() { // zero if an older version wrote the state: all reports are read
		if from, err = m.s.reader.OffsetAt(ctx, reports, run.StartedAt.Add(-maxClockDifference)); err != nil {
			return 0, err
		}
	}
	// One reading for all partitions of the topic that this member has: nobody else maps
	// their rows from now on.
	to := map[int32]lastMapped{key.partition: -1}
	for _, tp := range m.group.Owned() {
		if tp.Topic == topic {
			to[tp.Partition] = -1
		}
	}
	_, err = m.s.reader.ReadTo(ctx, reports, from, func(r *kafka.Record) error {
		var report schemas.Report
		if string(r.Key) != schemas.ImportOf(key.subject) || json.Unmarshal(r.Value, &report) != nil {
			return nil
		}
		if report.Mapped == nil || report.Run != run.Run {
			return nil
		}
		if before, asked := to[report.Mapped.Partition]; asked {
			to[report.Mapped.Partition] = max(before, lastMapped(report.Mapped.To))
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for partition, last := range to {
		of := key
		of.partition = partition
		m.mapped[of] = last
	}
	if last := to[key.partition]; last >= 0 {
		m.s.deps.Telemetry.Logger.WarnContext(ctx, "the group's offsets are older than what was mapped: rows that are counted already are skipped",
			slog.String("topic", topic), slog.Int("partition", int(key.partition)), slog.Int64("to", int64(last)))
	}
	return to[key.partition], nil
}

// unwritable returns why the partitions to which the rows' results go cannot be written to.
// It asks about a partition until it is found to be writable, and then no more:
// from then on a failed produce ends the membership or makes the import wait.
func (m *member) unwritable(ctx context.Context, all []*attemptRows) (map[kafka.TP]error, error) {
	var ask []kafka.TP
	for _, l := range all {
		for _, tp := range l.writesTo {
			if !m.writable[tp] {
				ask = append(ask, tp)
			}
		}
	}
	if len(ask) == 0 {
		return nil, nil
	}
	wrong, err := m.group.Writable(ctx, ask...)
	if err != nil {
		return nil, err
	}
	for _, tp := range ask {
		m.writable[tp] = wrong[tp] == nil
	}
	return wrong, nil
}

// step maps the rows of one poll in one transaction, or rewinds the poll when some
// of the rows cannot be mapped.
func (m *member) step(ctx context.Context, rows []*kafka.Record) error {
	s := m.s
	began := time.Now()
	batch := m.newBatch(rows)
	failed := "interrupted"
	defer func() { batch.endSpans(failed) }()
	blocked, err := batch.addAll(ctx, rows)
	if err != nil {
		return err
	}
	// The transaction in hand is finished even when ctx has ended: cancelling it
	// half way would leave its outcome unknown.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Kafka.SessionTimeout)
	defer cancel()
	if len(blocked) > 0 {
		failed = "blocked"
		return m.pauseBlocked(ctx, blocked)
	}
	out, err := batch.finish()
	if err != nil {
		return err
	}
	failpoint.Hit("mapper.before-begin")
	if err := m.group.Begin(); err != nil {
		return err
	}
	m.group.Produce(out...)
	failpoint.Hit("mapper.before-commit")
	committed, err := m.group.Commit(ctx)
	if err != nil {
		return errors.Join(err, m.group.ProduceError())
	}
	failpoint.Hit("mapper.after-commit")
	s.metrics.transaction(ctx, committed, time.Since(began))
	if failed = ""; !committed {
		failed = "aborted"
	}
	if err := m.group.ProduceError(); !committed && err != nil {
		if refused := m.refusedBy(batch, err); len(refused) > 0 {
			return m.pauseBlocked(ctx, refused)
		}
		// This client may never be able to produce the record, for example to a topic
		// that was deleted and created again. The error ends the membership.
		return fmt.Errorf("writing what rows became: %w", err)
	}
	if !committed {
		// The rows are polled again, by this member or the partition's next owner.
		s.deps.Telemetry.Logger.InfoContext(ctx, "transaction aborted; its rows are mapped again", slog.Int("rows", len(rows)))
		return nil
	}
	m.paused.mapped(rows)
	batch.count(ctx)
	return nil
}

// refusedBy returns the partitions of the import whose own topic is missing or may
// not be written to: no other import waits for it.
func (m *member) refusedBy(b *batch, err error) map[kafka.TP]*blockedError {
	blocked := map[kafka.TP]*blockedError{}
	failed, ok := errors.AsType[*kafka.ProduceError](err)
	if !ok || m.s.topics.ImportOf(failed.Topic) == "" || !failed.Refused() {
		return blocked
	}
	for _, l := range b.order {
		for _, tp := range l.writesTo {
			if tp.Topic == failed.Topic {
				m.writable[tp] = false // asked about again before the next try
				blocked[l.from] = &blockedError{tp: l.from, offset: l.report.From, reason: errNotWritable, detail: err}
			}
		}
	}
	return blocked
}

// unsubscribe ends the subscription to a topic that cannot be read, until resubscribe
// subscribes again. The client may have lost the right to read it, or a record
// batch is damaged, or the topic was deleted and created again: a client accepts
// the new topic only when it subscribes again.
func (m *member) unsubscribe(ctx context.Context, failed *kafka.FetchError) {
	topic := failed.TP.Topic
	m.unreadablePause[topic] = nextPause(m.unreadablePause[topic])
	m.unreadable[topic] = time.Now().Add(m.unreadablePause[topic])
	m.group.RemoveTopics(topic)
	m.s.metrics.blockedRows(ctx, m.s.topics.ImportOf(topic))
	m.s.deps.Telemetry.Logger.WarnContext(ctx, "the rows topic of an import cannot be read; its subscription is paused",
		slog.String("topic", topic), slog.Int("partition", int(failed.TP.Partition)), slog.Any("error", failed.Err), slog.Duration("again_in", m.unreadablePause[topic]))
}

// resubscribe subscribes again to the topics whose pause is over, and returns when the
// next pause is over.
func (m *member) resubscribe(now time.Time) (next time.Time) {
	for topic, at := range m.unreadable {
		switch {
		case !at.After(now):
			delete(m.unreadable, topic)
			m.group.AddTopics(topic)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	return next
}
