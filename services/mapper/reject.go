package mapper

import (
	"encoding/json"

	"tapline.dev/domain/control"
	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// rejectOverhead is more than a reject adds to its row: names, which may be
// long, and the reason, in the value and in the headers.
const rejectOverhead = 4096

// reject produces a reject and counts it.
func (b *batch) reject(l *attemptRows, row *kafka.Record, why mapping.Reject) error {
	if err := b.produceReject(l, row, why, false); err != nil {
		return err
	}
	if l.report.RejectsByCode != nil {
		l.report.RejectsByCode[why.Code]++
	}
	return nil
}

// produceReject produces a reject. A reject of a dry run does not contain its row,
// which is in the rows topic of dry runs.
func (b *batch) produceReject(l *attemptRows, row *kafka.Record, why mapping.Reject, omitted bool) error {
	info, _ := schemas.LookupError(why.Code)
	reject := schemas.Reject{
		Stage: schemas.StageMap, Code: why.Code, Class: info.Class, Column: why.Column, Property: why.Property, Reason: why.Reason,
		Import: schemas.ImportOf(l.subject), Run: schemas.RunOf(l.subject, l.number), Attempt: l.attempt, Omitted: omitted,
		ID:    string(kafka.HeaderValue(row, schemas.HeaderID)),
		Topic: row.Topic, Partition: row.Partition, Offset: row.Offset, Time: b.now,
		Clock:    schemas.ParseClock(kafka.HeaderValue(row, schemas.HeaderClock)),
		ReplayOf: schemas.ReplayOf(kafka.HeaderValue(row, schemas.HeaderReplayOf)),
	}
	if !schemas.IsTrial(l.subject) {
		reject.Identity = schemas.RejectIdentity(row.Key)
	}
	if !schemas.IsTrial(l.subject) && len(row.Value)+rejectOverhead < int(b.s.cfg.Kafka.MaxMessageBytes) && json.Valid(row.Value) {
		reject.Row = row.Value
	}
	rec, err := control.Reject(b.s.topics.RejectsOf(l.subject), reject, "mapper")
	if err != nil {
		return err
	}
	b.out = append(b.out, rec)
	return nil
}
