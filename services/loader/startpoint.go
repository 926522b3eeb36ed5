package loader

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/services/loader/internal/delivery"
	"tapline.dev/services/loader/internal/recovery"
)

// needsRun reports whether the active run says how a partition with this commit is taken up.
func needsRun(c kafka.Commit, reportsTopic string) bool {
	metadata, err := recovery.ParseCommitMetadata(c.Metadata)
	return c.Offset < 0 || err == nil && metadata.OtherTopic(reportsTopic)
}

// startAtEnd is where a partition is taken up whose offset was set past its end: at its end,
// which is committed before anything is sent. The group's client reads such a partition from
// its start. What lies there was sent, or is passed over and has no outcome: sent now, it
// could come after newer versions, and the run might close before those are sent again.
func startAtEnd(p *partition, end, reports int64, reportsTopic string) startPoint {
	return startPoint{
		part: p, committed: end, history: recovery.New(p.importName, p.tp.Partition, end),
		metadata: recovery.CommitMetadata{Reports: reports, Prev: end - 1, Topic: reportsTopic},
	}
}

// replaces reports whether the records of an import's active run may be sent again without
// a trace: profiles without operators.
//
// Invariant 4: where reports were lost, such records are all sent again from the committed
// offset on. If those with a receipt in the new topic were left out, an older version whose
// receipt was in the old one would be sent after the newer one, and stay.
func (m *member) replaces(importName string) (bool, error) {
	if importName == "" {
		return false, nil
	}
	active, err := m.runs.ActiveRun(importName)
	if errors.Is(err, runs.ErrUnreadable) {
		return false, nil // none of its records is sent
	}
	return err == nil && active != nil && policyOf(active) == delivery.Replace, err
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
func (m *member) startWithoutOffset(ctx context.Context, p *partition, reportsTopic string) (startPoint, error) {
	s := startPoint{part: p, metadata: recovery.CommitMetadata{Topic: reportsTopic}}
	if p.importName == "" {
		return s, nil
	}
	active, err := m.runs.ActiveRun(p.importName)
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
	from, err := m.reader.OffsetAt(ctx, kafka.TP{Topic: m.topics.Reports(), Partition: p.control}, active.StartedAt.Add(-maxClockDifference))
	if err != nil {
		return s, err
	}
	s.committed, s.metadata.Reports, s.metadata.Prev, s.onlyRun = first, from, first-1, active.Run
	s.history = recovery.New(p.importName, p.tp.Partition, first)
	return s, nil
}
