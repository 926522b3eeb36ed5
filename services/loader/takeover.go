package loader

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/recovery"
)

// assigned takes partitions over. Their records may be polled at once, but none is sent
// before takeOver has ended, and then the service is ready.
func (m *member) assigned(_ context.Context, tps []kafka.TP) {
	byControl := map[int32][]*partition{}
	var leaving []<-chan struct{}
	m.postAndWait(func(l *loop, _ time.Time) {
		for _, tp := range tps {
			leaving = append(leaving, l.leaving[tp]...)
			delete(l.leaving, tp)
			p := newPartition(tp, l.topics)
			l.own(p)
			byControl[p.control] = append(byControl[p.control], p)
		}
	})
	m.group.Resume(tps...) // a pause survives a rebalance
	m.tasks.Go(func() {
		for _, over := range leaving { // the tasks of an earlier ownership may still report
			await(m.work, over)
		}
		if err := m.takeOverAll(m.work, tps, byControl); err != nil {
			m.fail(fmt.Errorf("taking over partitions: %w", err))
			return
		}
		m.metrics.takeover.Add(m.work, int64(len(tps)))
		m.ready(nil)
	})
}

// takeOverAll takes the partitions of each control partition over. One of those may be
// offline, or hidden by an open transaction: the imports of the others do not wait for it.
func (m *member) takeOverAll(ctx context.Context, tps []kafka.TP, byControl map[int32][]*partition) error {
	committed, err := m.group.Committed(ctx, tps...)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for control, parts := range byControl {
		group.Go(func() error { return m.takeOver(ctx, control, parts, committed) })
	}
	return group.Wait()
}

// startPoint is where a partition is taken up.
type startPoint struct {
	part      *partition
	committed int64
	inGroup   bool // the group has stored the committed offset already
	metadata  recovery.CommitMetadata
	history   *recovery.History
	onlyRun   string // only this run's reports are about the topic; "" if those of all runs are
	// passedOver says that no report is about what comes: the offsets are used again.
	passedOver bool
	untold     int // see partition
}

// takeOver reads what earlier owners reported past the committed offsets of the
// partitions, whose imports all have their reports in one control partition. It reads
// the reports once for all of them, so that its work grows with the imports and not with
// their square. The group gave the partitions away only after those owners had drained or
// their sessions had expired. An earlier owner can then still write two things: answers
// that arrive late, which change no decision; and, if it does not know yet that it lost
// the partition, intents and withdrawals, which name their holder.
func (m *member) takeOver(ctx context.Context, control int32, parts []*partition, committed map[kafka.TP]kafka.Commit) error {
	taken := time.Now() // whoever owned the partitions wrote its requests before
	reports := kafka.TP{Topic: m.topics.Reports(), Partition: control}
	earlier, err := m.starts(ctx, reports, parts, committed)
	if err != nil {
		return err
	}
	next, err := m.readReports(ctx, reports, earlier)
	if err != nil {
		return err
	}
	m.journal.noteReached(control, next)
	firsts, err := m.firstOffsets(ctx, earlier)
	if err != nil {
		return err
	}
	for importName, e := range earlier {
		for i := range e.starts {
			s := &e.starts[i]
			if s.inGroup || s.history != nil {
				continue
			}
			first, found := firsts[s.part.tp]
			if !found {
				return fmt.Errorf("listing offsets of %s[%d]: %w", s.part.tp.Topic, s.part.tp.Partition, kafka.ErrNoTopic)
			}
			s.committed, s.metadata.Reports, s.metadata.Prev = first, next, first-1
			s.history = recovery.New(importName, s.part.tp.Partition, first)
		}
	}
	m.post(func(l *loop, now time.Time) {
		for _, e := range earlier {
			l.takenOver(e.starts, e.pause, taken, now)
		}
	})
	return nil
}

// firstOffsets lists the first offsets of the topics of which nothing was ever sent.
func (m *member) firstOffsets(ctx context.Context, earlier map[string]*earlierReports) (map[kafka.TP]int64, error) {
	fresh := map[string]bool{}
	for _, e := range earlier {
		for _, s := range e.starts {
			if !s.inGroup && s.history == nil {
				fresh[s.part.tp.Topic] = true
			}
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	return m.reader.StartOffsets(ctx, slices.Collect(maps.Keys(fresh))...)
}

// takenOver lets the partitions begin.
func (l *loop) takenOver(starts []startPoint, pause *schemas.Report, taken, now time.Time) {
	for _, s := range starts {
		s.part.untold = s.untold
		s.part.lane.Recover(s.committed, s.metadata, s.history, s.inGroup, taken)
	}
	if pause != nil {
		run := account.Run{Import: pause.Import, Run: pause.Run, Number: pause.Number, Attempt: pause.Attempt, TraceID: pause.TraceID}
		l.destination(pause.Waiting.Account, now).account.InheritPause(run, pause.Waiting.Reason, now)
	}
	l.commits.urgent = true
}

// earlierReports are what earlier owners reported of an import, or of all trials of a
// control partition.
type earlierReports struct {
	from   int64 // of the reports partition; -1 if none has to be read
	starts []startPoint
	pause  *schemas.Report // that no report ended
}

// need makes readReports read from an offset on.
func (e *earlierReports) need(from int64) {
	if e.from < 0 || from < e.from {
		e.from = from
	}
}

// starts returns by import, "" for trials, where its partitions are taken up.
func (m *member) starts(ctx context.Context, reports kafka.TP, parts []*partition, committed map[kafka.TP]kafka.Commit) (map[string]*earlierReports, error) {
	now, err := m.reportsNow(ctx, reports)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(parts, func(p *partition) bool { return p.importName != "" && needsRun(committed[p.tp], now.topic) }) {
		if err := m.runs.ReadToEnd(ctx, reports.Partition); err != nil {
			return nil, err
		}
	}
	ends, err := m.recordsEnds(ctx, parts)
	if err != nil {
		return nil, err
	}
	earlier := map[string]*earlierReports{}
	for _, p := range parts {
		e := earlier[p.importName]
		if e == nil {
			e = &earlierReports{from: -1}
			earlier[p.importName] = e
		}
		s, err := m.start(ctx, p, committed[p.tp], now, ends)
		if err != nil {
			return nil, err
		}
		if s.history != nil && !s.passedOver {
			e.need(s.metadata.Reports)
		}
		e.starts = append(e.starts, s)
	}
	return earlier, nil
}

// readReports reads the reports once, feeds the intents and receipts of each import to
// its partitions' histories, and returns the offset of the next report.
func (m *member) readReports(ctx context.Context, tp kafka.TP, earlier map[string]*earlierReports) (next int64, err error) {
	from := int64(-1)
	for _, e := range earlier {
		if e.from >= 0 && (from < 0 || e.from < from) {
			from = e.from
		}
	}
	if from < 0 {
		return m.reader.EndOffset(ctx, tp)
	}
	trials := earlier[""]
	return m.reader.ReadTo(ctx, tp, from, func(r *kafka.Record) error {
		ofImport := earlier[string(r.Key)]
		if !ofImport.wants(r.Offset) && !trials.wants(r.Offset) {
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
		e := ofImport
		if schemas.IsTrial(report.Run) {
			e = trials
		}
		if e.wants(r.Offset) {
			e.add(&report, m.cfg.openTime())
		}
		return nil
	})
}

// wants reports whether a report at an offset is to be read.
func (e *earlierReports) wants(offset int64) bool {
	return e != nil && e.from >= 0 && offset >= e.from
}

func (e *earlierReports) add(report *schemas.Report, open time.Duration) {
	// An extractor's wait is for a connection, which is no account.
	if report.Waiting != nil && report.Waiting.Stage != schemas.StageExtract {
		if e.pause = report; report.Waiting.Over {
			e.pause = nil
		}
	}
	for _, s := range e.starts {
		if s.history != nil && !s.passedOver && (s.onlyRun == "" || s.onlyRun == report.Run) {
			s.history.Add(report, open)
		}
	}
}
