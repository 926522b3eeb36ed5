package extractor

import (
	"context"
	"encoding/json"
	"fmt"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
)

// readPeople reads a list of so many identities, which Import Center wrote before the
// command that names it.
func readPeople(ctx context.Context, reader *kafka.Reader, topics schemas.Topics, a attempt.Attempt, id string, count int) ([]string, error) {
	tp := kafka.TP{Topic: topics.Lookups(), Partition: schemas.ControlPartition(a.Import)}
	from, err := reader.OffsetAt(ctx, tp, a.Run.StartedAt.Add(-schemas.TrialRetention-journal.ClockSlack))
	if err != nil {
		return nil, fmt.Errorf("reading the list of people: %w", err)
	}
	var found []string
	_, err = reader.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
		var p schemas.People
		if json.Unmarshal(rec.Value, &p) == nil && p.ID == id && p.Import == a.Import {
			found = append(found, p.Identities...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the list of people: %w", err)
	}
	if len(found) != count {
		return nil, failure.Permanent(failure.CodeSampleGone, "%d of the %d people named are still in Kafka, which keeps them for an hour", len(found), count)
	}
	return found, nil
}
