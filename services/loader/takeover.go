package loader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/recovery"
)

// assigned takes partitions over. Their records may be polled at once, but none is sent
// before takeOver has ended.
func (m *member) assigned(_ context.Context, tps []kafka.TP) {
	reported := map[reportsOf][]*partition{}
	var leaving []<-chan struct{}
	m.postAndWait(func(l *loop, _ time.Time) {
		for _, tp := range tps {
			leaving = append(leaving, l.leaving[tp]...)
			delete(l.leaving, tp)
			p := newPartition(tp, l.topics)
			l.partitions[tp] = p
			key := reportsOf{p.importName, p.control}
			reported[key] = append(reported[key], p)
		}
	})
	m.group.Resume(tps...) // a pause survives a rebalance
	m.tasks.Go(func() {
		for _, over := range leaving { // the tasks of an earlier ownership may still report
			await(m.work, over)
		}
		for of, parts := range reported {
			if err := m.takeOver(m.work, of, parts); err != nil {
				m.fail(fmt.Errorf("taking over partitions of %s: %w", parts[0].tp.Topic, err))
				return
			}
		}
	})
}

// reportsOf says which reports are about a partition: an import's, or those of all
// trials of a control partition.
type reportsOf struct {
	importName string // "" for trials
	control    int32
}

// startPoint is where a partition is taken up.
type startPoint struct {
	part      *partition
	committed int64
	inGroup   bool // the group has stored the committed offset already
	metadata  recovery.CommitMetadata
	history   *recovery.History
	onlyRun   string // only this run's reports are about the topic; "" if those of all runs are
}

// takeOver reads what earlier owners reported past the committed offsets of an
// import's partitions. The group gave the partitions away only after those owners had
// drained or their sessions had expired. An earlier owner can then still write two
// things: answers that arrive late, which change no decision; and, if it does not know
// yet that it lost the partition, intents and withdrawals, which name their holder.
func (m *member) takeOver(ctx context.Context, of reportsOf, parts []*partition) error {
	taken := time.Now() // whoever owned the partitions wrote its requests before
	starts, from, err := m.starts(ctx, of, parts)
	if err != nil {
		return err
	}
	reports := kafka.TP{Topic: m.topics.Reports(), Partition: of.control}
	next, pause, err := m.readReports(ctx, reports, of.importName, from, starts)
	if err != nil {
		return err
	}
	for i := range starts {
		s := &starts[i]
		if s.inGroup || s.history != nil {
			continue
		}
		if s.committed, err = m.reader.StartOffset(ctx, s.part.tp); err != nil {
			return err
		}
		s.metadata.Reports, s.metadata.Prev = next, s.committed-1
		s.history = recovery.New(of.importName, s.part.tp.Partition, s.committed)
	}
	m.journal.noteReached(reports.Partition, next)
	m.post(func(l *loop, now time.Time) { l.takenOver(starts, pause, taken, now) })
	return nil
}

// takenOver lets the partitions begin.
func (l *loop) takenOver(starts []startPoint, pause *schemas.Report, taken, now time.Time) {
	for _, s := range starts {
		s.part.lane.Recover(s.committed, s.metadata, s.history, s.inGroup, taken)
	}
	if pause != nil {
		run := account.Run{Import: pause.Import, Run: pause.Run, Number: pause.Number, Attempt: pause.Attempt, TraceID: pause.TraceID}
		l.destination(pause.Waiting.Account, now).account.InheritPause(run, pause.Waiting.Reason, now)
	}
	l.commits.urgent = true
}

// starts reads the committed offsets. from is the offset of the reports partition from
// which takeOver has to read, -1 if it has to read none.
func (m *member) starts(ctx context.Context, of reportsOf, parts []*partition) (starts []startPoint, from int64, err error) {
	tps := make([]kafka.TP, len(parts))
	for i, p := range parts {
		tps[i] = p.tp
	}
	committed, err := m.group.Committed(ctx, tps...)
	if err != nil {
		return nil, 0, err
	}
	reports := m.topics.Reports()
	topic, err := m.reader.TopicID(ctx, reports)
	if err != nil {
		return nil, 0, err
	}
	end, err := m.reader.EndOffset(ctx, kafka.TP{Topic: reports, Partition: of.control})
	if err != nil {
		return nil, 0, err
	}
	from = -1
	for _, p := range parts {
		c := committed[p.tp]
		if c.Offset < 0 {
			s, err := m.startWithoutOffset(ctx, of, p, topic)
			if err != nil {
				return nil, 0, err
			}
			if s.history != nil && (from < 0 || s.metadata.Reports < from) {
				from = s.metadata.Reports
			}
			starts = append(starts, s)
			continue
		}
		metadata, err := recovery.ParseCommitMetadata(c.Metadata)
		if err != nil {
			// Offsets that an operator set have no metadata of a loader: all reports count.
			m.log().WarnContext(ctx, "a committed offset has no metadata of a loader: all reports are read", slog.String("topic", p.tp.Topic), slog.Int("partition", int(p.tp.Partition)), slog.Int64("offset", c.Offset))
			metadata = recovery.CommitMetadata{Prev: c.Offset - 1}
		}
		metadata = metadata.ForTopic(topic, end)
		if from < 0 || metadata.Reports < from {
			from = metadata.Reports
		}
		starts = append(starts, startPoint{part: p, committed: c.Offset, inGroup: true, metadata: metadata, history: recovery.New(of.importName, p.tp.Partition, c.Offset)})
	}
	return starts, from, nil
}

// maxClockDifference bounds how far the clocks of services and brokers may differ.
const maxClockDifference = time.Hour

// startWithoutOffset is where a partition is taken up for which the group has no
// offset. Usually no owner ever sent anything of it, because each commits before its
// first intent. But the group's offsets may have been deleted or have expired, and then
// the reports of the active run count, if they are of this topic and not of one that was
// deleted. Records of other runs are skipped anyway.
func (m *member) startWithoutOffset(ctx context.Context, of reportsOf, p *partition, reportsTopic string) (startPoint, error) {
	s := startPoint{part: p, metadata: recovery.CommitMetadata{Topic: reportsTopic}}
	if of.importName == "" {
		return s, nil
	}
	active, err := m.runs.ActiveRun(ctx, of.importName)
	if errors.Is(err, runs.ErrUnreadable) || err == nil && (active == nil || active.RecordsTopic == "" || active.StartedAt.IsZero()) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	id, err := m.reader.TopicID(ctx, p.tp.Topic)
	if err != nil || id != active.RecordsTopic {
		return s, err
	}
	first, err := m.reader.StartOffset(ctx, p.tp)
	if err != nil {
		return s, err
	}
	from, err := m.reader.OffsetAt(ctx, kafka.TP{Topic: m.topics.Reports(), Partition: of.control}, active.StartedAt.Add(-maxClockDifference))
	if err != nil {
		return s, err
	}
	s.committed, s.metadata.Reports, s.metadata.Prev, s.onlyRun = first, from, first-1, active.Run
	s.history = recovery.New(of.importName, p.tp.Partition, first)
	return s, nil
}

// readReports feeds the intents and receipts from an offset on to the partitions'
// histories, and returns the offset of the next report and the import's pause that no
// report ended. A negative offset reads none.
func (m *member) readReports(ctx context.Context, tp kafka.TP, importName string, from int64, starts []startPoint) (next int64, pause *schemas.Report, err error) {
	if from < 0 {
		next, err = m.reader.EndOffset(ctx, tp)
		return next, nil, err
	}
	next, err = m.reader.ReadTo(ctx, tp, from, func(r *kafka.Record) error {
		if importName != "" && string(r.Key) != importName {
			return nil
		}
		if _, kind, _ := schemas.ParseEventType(kafka.HeaderValue(r, "ce_type")); kind == schemas.ReportMapped || kind == schemas.ReportChunk {
			return nil
		}
		var report schemas.Report
		if json.Unmarshal(r.Value, &report) != nil {
			// It is skipped: stopping here would stop every import of the control
			// partition until Kafka deletes the report.
			m.log().ErrorContext(ctx, "a report is unreadable and left out", slog.String("topic", r.Topic), slog.Int("partition", int(r.Partition)), slog.Int64("offset", r.Offset))
			return nil
		}
		if schemas.IsTrial(report.Run) != (importName == "") {
			return nil
		}
		// An extractor's wait is for a connection, which is no account.
		if report.Waiting != nil && report.Waiting.Stage != schemas.StageExtract {
			if pause = &report; report.Waiting.Over {
				pause = nil
			}
		}
		for i := range starts {
			if history := starts[i].history; history != nil && (starts[i].onlyRun == "" || starts[i].onlyRun == report.Run) {
				history.Add(&report, m.cfg.openTime())
			}
		}
		return nil
	})
	return next, pause, err
}
