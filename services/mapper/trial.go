package mapper

import (
	"crypto/sha256"
	"encoding/hex"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// produceFurtherRejects produces what a dry run shows of a row besides its first reject: a reject
// for every further failed check and for every property left out. Only the first
// reject is counted.
func (b *batch) produceFurtherRejects(l *attemptRows, row *kafka.Record, rejects, omitted []mapping.Reject) error {
	if l.run.Mode != schemas.ModeDryRun {
		return nil
	}
	for i := 1; i < len(rejects); i++ {
		if err := b.produceReject(l, row, rejects[i], false); err != nil {
			return err
		}
	}
	for _, why := range omitted {
		if err := b.produceReject(l, row, why, true); err != nil {
			return err
		}
	}
	return nil
}

// sameAsShown reports whether a record is byte for byte the one that a dry run showed of
// the row.
func sameAsShown(row *kafka.Record, record []byte) bool {
	sum := sha256.Sum256(record)
	return hex.EncodeToString(sum[:]) == string(kafka.HeaderValue(row, schemas.HeaderShown))
}
