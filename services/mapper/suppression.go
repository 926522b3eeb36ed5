package mapper

import (
	"errors"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// errNotComparable blocks the import, see blockedError.
var errNotComparable = errors.New("the suppression list of the import's account cannot be compared: suppression.keys lacks a key, or a record of the topic cannot be read")

// suppressions returns what compares the rows of an attempt with the suppression list of
// their account.
func (s *Service) suppressions(account string) (*suppression.Checker, error) {
	if err := s.suppressed.Comparable(account); err != nil {
		return nil, errors.Join(errNotComparable, err)
	}
	return s.suppressed.Checker(account), nil
}

// skipSuppressed counts a row whose person must not be sent. The extractor has left out
// those that it knew of, but a row may lie in its topic for days. No record and no reject
// holds a person who is left out here, so that readers of those topics do not see them.
func (b *batch) skipSuppressed(l *attemptRows, row *kafka.Record, id schemas.RowID) bool {
	identity, ok := row.Key, true
	if schemas.IsTrial(l.subject) { // its rows are keyed by the trial
		if l.rule.mapping == nil {
			return false
		}
		identity, ok = l.rule.mapping.Identity(row.Value)
	}
	if !ok || !l.suppressed.Has(identity) {
		return false
	}
	l.report.Skipped[schemas.SkipSuppressed]++
	l.report.Suppressed = append(l.report.Suppressed, id.Seq)
	return true
}
