package plan

import (
	"encoding/json"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// beside reserves room in a record that describes columns: what else the record holds
// takes at most one part in beside of the largest record.
const beside = 8

// Fits refuses columns whose description is larger than a Kafka record of maxRecord
// bytes. Without it the statement would be run, its start could not be reported, and
// it would be run again.
//
// Invariant 11: the row schema is the largest record that describes columns; the
// reports of the start and of a preview hold less.
func Fits(columns []schemas.Column, maxRecord int) error {
	described, err := json.Marshal(RowSchema("", schemas.ActiveRun{}, nil, columns, ""))
	if err != nil {
		return failure.Permanent(failure.CodeColumnType, "the columns cannot be described")
	}
	limit := maxRecord - maxRecord/beside
	if len(described) <= limit {
		return nil
	}
	return failure.Permanent(failure.CodeTooManyColumns,
		"the query has %d columns, whose description takes %d bytes where a record has room for %d; set source.columns: mapped, or select fewer columns",
		len(columns), len(described), limit)
}
