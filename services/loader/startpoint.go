package loader

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/recovery"
)

// reportsNow is a partition of the reports topic as it is at a takeover.
type reportsNow struct {
	topic string // Kafka's id of the topic
	end   int64
}

func (m *member) reportsNow(ctx context.Context, reports kafka.TP) (now reportsNow, err error) {
	if now.topic, err = m.reader.TopicID(ctx, reports.Topic); err != nil {
		return now, err
	}
	now.end, err = m.reader.EndOffset(ctx, reports)
	return now, err
}

// recordsEnds are the ends of the partitions, as far as brokers can tell them.
func (m *member) recordsEnds(ctx context.Context, parts []*partition) (map[kafka.TP]int64, error) {
	var topics []string
	for _, p := range parts {
		topics = append(topics, p.tp.Topic)
	}
	slices.Sort(topics)
	return m.reader.EndOffsets(ctx, slices.Compact(topics)...)
}

// needsRun reports whether the active run says how a partition with this commit is taken up.
func needsRun(c kafka.Commit, reportsTopic string) bool {
	metadata, err := recovery.ParseCommitMetadata(c.Metadata)
	return c.Offset < 0 || err != nil || metadata.OtherTopic(reportsTopic)
}

// start is where a partition is taken up that has this commit.
func (m *member) start(ctx context.Context, p *partition, c kafka.Commit, reports reportsNow, ends map[kafka.TP]int64) (startPoint, error) {
	if c.Offset < 0 {
		return m.startWithoutOffset(ctx, p, reports)
	}
	metadata, err := recovery.ParseCommitMetadata(c.Metadata)
	set := err != nil // by an operator, with a tool: all reports count
	log := m.log().With(slog.String("topic", p.tp.Topic), slog.Int("partition", int(p.tp.Partition)), slog.Int64("offset", c.Offset))
	if set {
		log.WarnContext(ctx, "a committed offset has no metadata of a loader: all reports are read")
		metadata = recovery.CommitMetadata{Prev: c.Offset - 1}
	}
	if end, known := ends[p.tp]; known && c.Offset > end {
		log.WarnContext(ctx, "a committed offset is past the end of its topic: the loader goes on at the end", slog.Int64("end", end))
		return startAtEnd(p, end, reports), nil
	}
	s := startPoint{part: p, committed: c.Offset, inGroup: true, history: recovery.New(p.importName, p.tp.Partition, c.Offset)}
	run, err := m.activeRun(p.importName)
	if err != nil {
		return s, err
	}
	switch {
	case metadata.OtherTopic(reports.topic), set && run != nil && run.ReportsLost(reports.topic):
		if err := m.assumeIntents(ctx, p.tp, s.history); err != nil {
			return s, err
		}
		s.untold = untoldRun(run, run != nil && run.ReportsTopic == reports.topic)
	case set:
		s.history.OnlyGapsAreUntold()
		s.untold = untoldRun(run, false)
	}
	s.metadata = metadata.ForTopic(reports.topic, reports.end)
	return s, nil
}

// startAtEnd is where a partition is taken up whose offset is past its end, because a person
// set it or a broker lost the records that it had not copied: at its end, which is committed
// before anything is sent. The group's client reads such a partition from
// its start. What lies there was sent, or is passed over and has no outcome: sent now, it
// could come after newer versions, and the run might close before those are sent again.
func startAtEnd(p *partition, end int64, reports reportsNow) startPoint {
	return startPoint{
		part: p, committed: end, history: recovery.New(p.importName, p.tp.Partition, end), passedOver: true,
		metadata: recovery.CommitMetadata{Reports: reports.end, Prev: end - 1, Topic: reports.topic},
	}
}

// activeRun is the active run of an import; nil if there is none, or if it is unreadable,
// because then none of its records is sent.
func (m *member) activeRun(importName string) (*schemas.ActiveRun, error) {
	if importName == "" {
		return nil, nil
	}
	active, err := m.runs.ActiveRun(importName)
	if errors.Is(err, runs.ErrUnreadable) {
		return nil, nil
	}
	return active, err
}

// untoldRun is the number of a run of profiles whose records are not sent if nobody knows
// whether they were; 0 if there is none, or if all its reports are there.
func untoldRun(run *schemas.ActiveRun, told bool) int {
	if run == nil || told || run.Spec.Destination.Type != schemas.TypeProfile {
		return 0
	}
	return run.Number
}

// assumeIntents takes each record that is there for one that an earlier owner has sent, with
// an intent that was deleted with its topic.
//
// Invariant 4: until such a request can no longer be applied, no other record of its
// identity is sent.
func (m *member) assumeIntents(ctx context.Context, tp kafka.TP, history *recovery.History) error {
	end, err := m.reader.EndOffset(ctx, tp)
	if err != nil {
		return err
	}
	m.log().WarnContext(ctx, "the reports topic was deleted and created again: what was in flight is not known", slog.String("topic", tp.Topic), slog.Int("partition", int(tp.Partition)))
	history.IntentsLost(end, m.cfg.openTime())
	return nil
}

// maxClockDifference bounds how far the clocks of services and brokers may differ.
const maxClockDifference = time.Hour

// startWithoutOffset is where a partition is taken up for which the group has no
// offset. Usually no owner ever sent anything of it, because each commits before its
// first intent. But the group's offsets may have been deleted or have expired, and then
// the reports of the active run count, if they are of this topic and not of one that was
// deleted. Records of other runs are skipped anyway.
func (m *member) startWithoutOffset(ctx context.Context, p *partition, reports reportsNow) (startPoint, error) {
	s := startPoint{part: p, metadata: recovery.CommitMetadata{Topic: reports.topic}}
	active, err := m.activeRun(p.importName)
	if err != nil || active == nil || active.RecordsTopic == "" || active.StartedAt.IsZero() {
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
	from, err := m.reader.OffsetAt(ctx, kafka.TP{Topic: m.topics.Reports(), Partition: p.control}, active.StartedAt.Add(-maxClockDifference))
	if err != nil {
		return s, err
	}
	s.committed, s.metadata.Reports, s.metadata.Prev, s.onlyRun = first, from, first-1, active.Run
	s.history, s.untold = recovery.New(p.importName, p.tp.Partition, first), untoldRun(active, false)
	if active.ReportsLost(reports.topic) {
		return s, m.assumeIntents(ctx, p.tp, s.history)
	}
	s.history.OnlyGapsAreUntold()
	return s, nil
}
