package loader

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/lane"
	"tapline.dev/services/loader/internal/recovery"
)

// assigned takes partitions over. Nothing of them is sent before recover is
// through, but their records may come.
func (m *member) assigned(_ context.Context, tps []kafka.TP) {
	m.mu.Lock()
	reported := map[reportsOf][]*part{}
	for _, tp := range tps {
		p := m.newPart(tp)
		m.parts[tp] = p
		key := reportsOf{p.importName, p.control}
		reported[key] = append(reported[key], p)
	}
	m.mu.Unlock()
	m.group.Resume(tps...) // a pause survives a rebalance
	m.tasks.Go(func() {
		for of, parts := range reported {
			if err := m.recover(m.work, of, parts); err != nil {
				m.fail(fmt.Errorf("taking over partitions of %s: %w", parts[0].tp.Topic, err))
				return
			}
		}
	})
}

// reportsOf says which reports tell of a partition: an import's, or those of all
// trials of a control partition.
type reportsOf struct {
	importName string // "" for trials
	control    int32
}

func (m *member) newPart(tp kafka.TP) *part {
	p := &part{
		tp: tp, importName: m.topics.ImportOf(tp.Topic), holder: rand.Text(),
		idle: make(chan struct{}), drained: make(chan struct{}),
	}
	if p.importName == "" {
		p.control, p.lane = tp.Partition, lane.NewShared(m.seed)
	} else {
		p.control, p.lane = schemas.ControlPartition(p.importName), lane.New(m.seed)
	}
	return p
}

// recover reads what earlier owners reported past the committed offsets of an
// import's partitions. The group gave the partitions away only after those
// owners drained or their session ended, so nothing is added behind its back
// but answers that arrive late, which change no decision, and intents and
// withdrawals of who does not know yet that it lost them: those name their
// holder.
func (m *member) recover(ctx context.Context, of reportsOf, parts []*part) error {
	tps := make([]kafka.TP, len(parts))
	for i, p := range parts {
		tps[i] = p.tp
	}
	committed, err := m.group.Committed(ctx, tps...)
	if err != nil {
		return err
	}
	reports := kafka.TP{Topic: m.topics.Reports(), Partition: of.control}
	pasts := make([]*recovery.Past, len(parts))
	marks := make([]recovery.Mark, len(parts))
	from := int64(-1)
	for i, p := range parts {
		c := committed[p.tp]
		if c.Offset < 0 {
			continue // no owner ever sent anything: each commits before its first intent
		}
		pasts[i] = recovery.New(of.importName, p.tp.Partition, c.Offset)
		if marks[i], err = recovery.ParseMark(c.Metadata); err != nil {
			// Offsets that an operator set have no mark: everything reported counts.
			m.log().WarnContext(ctx, "a committed offset is not a loader's: all reports are read", "topic", p.tp.Topic, "partition", p.tp.Partition, "offset", c.Offset)
			marks[i] = recovery.Mark{Prev: c.Offset - 1}
		}
		if from < 0 || marks[i].Reports < from {
			from = marks[i].Reports
		}
	}
	next, pause, err := m.readReports(ctx, reports, of.importName, from, pasts)
	if err != nil {
		return err
	}
	for i, p := range parts {
		c := committed[p.tp]
		inLog := c.Offset >= 0
		if !inLog {
			start, err := m.reader.StartOffset(ctx, p.tp)
			if err != nil {
				return err
			}
			c.Offset, marks[i] = start, recovery.Mark{Reports: next, Prev: start - 1}
			pasts[i] = recovery.New(of.importName, p.tp.Partition, start)
		}
		m.mu.Lock()
		p.lane.Recover(c.Offset, marks[i], pasts[i], inLog)
		m.written[reports.Partition] = max(m.written[reports.Partition], next)
		m.mu.Unlock()
	}
	if pause != nil {
		m.mu.Lock()
		m.inherit(pause, time.Now())
		m.mu.Unlock()
	}
	poke(m.commit)
	poke(m.wake)
	return nil
}

// readReports feeds the intents and receipts from an offset on to pasts, and
// returns the offset of the next report and the import's pause that no report
// ended. A negative offset reads none.
func (m *member) readReports(ctx context.Context, tp kafka.TP, importName string, from int64, pasts []*recovery.Past) (next int64, pause *schemas.Report, err error) {
	if from < 0 {
		next, err = m.reader.EndOffset(ctx, tp)
		return next, nil, err
	}
	next, err = m.reader.ReadTo(ctx, tp, from, func(r *kafka.Record) error {
		if importName != "" && string(r.Key) != importName {
			return nil
		}
		kind := kafka.HeaderValue(r, "ce_type")
		if bytes.Contains(kind, []byte("."+schemas.ReportMapped+".")) || bytes.Contains(kind, []byte("."+schemas.ReportChunk+".")) {
			return nil
		}
		var report schemas.Report
		if json.Unmarshal(r.Value, &report) != nil {
			// What it told is lost. To stop at it would stop every import until Kafka
			// deletes it.
			m.log().ErrorContext(ctx, "a report is unreadable and left out", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset)
			return nil
		}
		if schemas.IsTrial(report.Run) != (importName == "") {
			return nil
		}
		if report.Waiting != nil {
			if pause = &report; report.Waiting.Over {
				pause = nil
			}
		}
		for _, past := range pasts {
			if past != nil {
				past.Add(&report, m.cfg.RequestTimeout)
			}
		}
		return nil
	})
	return next, pause, err
}

// revoked drains the partitions before they move.
func (m *member) revoked(ctx context.Context, tps []kafka.TP) { m.drain(ctx, tps) }

// lost drops partitions that have moved already: their requests in flight are
// left to end, their answers are still reported, but nothing is committed.
func (m *member) lost(_ context.Context, tps []kafka.TP) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, tp := range tps {
		if p := m.parts[tp]; p != nil {
			m.forget(p)
		}
	}
}

// forget drops a partition. The caller holds mu.
func (m *member) forget(p *part) {
	p.draining, p.gone = true, true
	for _, a := range m.accounts {
		for _, u := range a.take(p) {
			u.span.End()
		}
	}
	if m.parts[p.tp] == p { // it may have come back, as another part
		delete(m.parts, p.tp)
	}
}

// drain stops cutting, waits for what is under way, reports what is decided and
// commits. Of what drains already it waits for the end: whoever is asked to give a
// partition away while it stops must not return with requests in flight.
//
// Invariant 6: what could not be finished in time has an intent and no receipt;
// the next owner knows what that means.
func (m *member) drain(ctx context.Context, tps []kafka.TP) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.cfg.DrainTimeout)
	defer cancel()
	m.mu.Lock()
	var parts, others []*part
	for _, tp := range tps {
		p := m.parts[tp]
		if p == nil {
			continue
		}
		if p.draining {
			others = append(others, p)
			continue
		}
		p.draining = true
		if p.active == 0 {
			close(p.idle)
		}
		parts = append(parts, p)
	}
	m.mu.Unlock()
	for _, p := range parts {
		if failpoint.Mistake("loader.no-drain") {
			break
		}
		select {
		case <-p.idle:
		case <-ctx.Done():
		}
	}
	m.putDown(ctx, parts)
	m.commitParts(ctx, parts)
	m.mu.Lock()
	for _, p := range parts {
		m.forget(p)
		close(p.drained)
	}
	m.mu.Unlock()
	for _, p := range others {
		select {
		case <-p.drained:
		case <-ctx.Done():
		}
	}
}

// putDown reports what uploads that wait for another request have decided, and
// that the rest of them was not applied, where that is certain.
func (m *member) putDown(ctx context.Context, parts []*part) {
	m.mu.Lock()
	var waiting []*upload
	for _, p := range parts {
		for _, a := range m.accounts {
			waiting = append(waiting, a.take(p)...)
		}
	}
	m.mu.Unlock()
	for _, u := range waiting {
		err := m.report(ctx, u)
		if err == nil && u.delivery.Tries > 0 && u.delivery.Clean() {
			err = m.withdraw(ctx, u) // a split that was to go on at once has not been
		}
		if err != nil {
			m.fail(err)
			return
		}
		u.span.End()
	}
}

// drainAll drains every partition, at the end of the membership.
func (m *member) drainAll() {
	m.mu.Lock()
	m.draining = true
	tps := make([]kafka.TP, 0, len(m.parts))
	for tp := range m.parts {
		tps = append(tps, tp)
	}
	m.mu.Unlock()
	m.drain(m.work, tps)
}
