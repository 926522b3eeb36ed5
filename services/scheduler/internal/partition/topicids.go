package partition

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// controlEvery is how many ticks pass before the ids of the control topics are compared again.
const controlEvery = 10

// errOtherTopic says that a control topic was deleted and created again since the takeover.
var errOtherTopic = errors.New("a control topic was deleted and created again")

// topicsEvery is how many ticks pass before the topic ids of all active runs are
// compared again.
const topicsEvery = 20

// comparePosition starts from the beginning of a topic that was deleted and created
// again: otherwise its records would lie before the position and be skipped
// silently. A position that an older version wrote has no topic ids; with it, a
// topic counts as created again if it ends before the position.
func (t *term) comparePosition(ctx context.Context) error {
	reports, commands, imports := t.topics.Reports(), t.topics.Commands(), t.topics.Imports()
	ids, err := t.deps.Reader.TopicIDs(ctx, reports, commands, imports)
	if err != nil {
		return fmt.Errorf("looking at control topics: %w", err)
	}
	for _, at := range []struct {
		topic  string
		known  *string
		offset *int64
	}{
		{reports, &t.position.ReportsTopic, &t.position.Reports},
		{commands, &t.position.CommandsTopic, &t.position.Commands},
		{imports, &t.position.ImportsTopic, &t.position.Imports},
	} {
		id := ids[at.topic]
		recreated := *at.known != "" && id != "" && *at.known != id
		if *at.known == "" {
			end, err := t.deps.Reader.EndOffset(ctx, t.tp(at.topic))
			if err != nil {
				return err
			}
			recreated = end < *at.offset
		}
		if recreated {
			t.log.WarnContext(ctx, "a control topic was deleted and created again: it is read from its beginning", slog.String("topic", at.topic))
			t.recreatedTopics = append(t.recreatedTopics, at.topic)
			*at.offset = 0
		}
		if id != "" {
			*at.known = id
		}
	}
	return nil
}

// compareControl returns an error if a control topic was deleted and created again since the
// takeover: the next one reads it from its start. The tail does not always say so. If its
// client first heard of the topic after that, it reads the new one, and what lies before the
// position would be skipped silently. If the ids cannot be read now, a later call compares
// them.
func (t *term) compareControl(ctx context.Context, now time.Time) error {
	if now.Sub(t.controlComparedAt) < controlEvery*t.cfg.Tick {
		return nil
	}
	t.controlComparedAt = now
	reports, commands, imports := t.topics.Reports(), t.topics.Commands(), t.topics.Imports()
	ids, err := t.deps.Reader.TopicIDs(ctx, reports, commands, imports)
	if err != nil {
		return nil
	}
	for topic, known := range map[string]string{reports: t.position.ReportsTopic, commands: t.position.CommandsTopic, imports: t.position.ImportsTopic} {
		if id := ids[topic]; id != "" && known != "" && id != known {
			return fmt.Errorf("following %s: %w", topic, errOtherTopic)
		}
	}
	return nil
}

// compareTopics gives the topics' ids to runs that have just begun, and from time
// to time to all active runs: a run whose topic was deleted and created again has
// lost the records in it. If the ids cannot be read now, a later call detects the
// loss, or the run ends at its deadline.
func (t *term) compareTopics(ctx context.Context, now time.Time) {
	runs := t.book.RunsWithoutTopics()
	if now.Sub(t.topicIDsComparedAt) >= topicsEvery*t.cfg.Tick {
		t.topicIDsComparedAt, runs = now, t.book.ActiveRuns()
	}
	if len(runs) == 0 {
		return
	}
	var topics []string
	for _, importName := range runs {
		topics = append(topics, t.topics.Rows(importName), t.topics.Records(importName))
	}
	ids, err := t.deps.Reader.TopicIDs(ctx, topics...)
	if err != nil {
		if !t.topicIDsUnreadable {
			t.log.WarnContext(ctx, "the topic ids of imports cannot be read: a topic that is created again is detected late", slog.Any("error", err))
		}
		t.topicIDsUnreadable = true
		return
	}
	t.topicIDsUnreadable = false
	for _, importName := range runs {
		t.book.Topics(ctx, importName, ids[t.topics.Rows(importName)], ids[t.topics.Records(importName)], now)
	}
}
