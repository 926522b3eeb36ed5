// Package failure holds what ends an attempt: a code and a sentence for users.
package failure

import (
	"fmt"

	"tapline.dev/schemas"
)

// Codes of failures beside Snowflake's own.
const (
	CodeReferenceMissing = "reference_missing"
	CodeSecretUnresolved = "secret_unresolved"
	CodeQueryRefused     = "query_refused"
	CodeColumnAmbiguous  = "column_ambiguous"
	CodeColumnMissing    = "column_missing"
	CodeColumnType       = "column_unsupported"
	// CodeColumnTypeChanged ends a run whose definition says onColumnChange: fail.
	CodeColumnTypeChanged = schemas.HoldColumnTypeChanged
	CodeTooManyColumns    = "too_many_columns"
	CodeCursorInvalid     = "cursor_invalid"
	CodeCursorNull        = "cursor_null"
	CodeCursorFuture      = "cursor_future"
	CodeResultChanged     = "result_changed"
	CodeResultShort       = "result_short"
	CodeResultUnreadable  = "result_unreadable"
	CodeRowUnreadable     = "row_unreadable"
	CodeRowTooLarge       = "row_too_large"
	// CodeSampleGone ends a run that should send a sample that Kafka no longer has.
	CodeSampleGone = "sample_gone"
	// CodeRowsGone ends a resend whose rows Kafka no longer has, or has in another form.
	CodeRowsGone = "rows_gone"
	// CodeNothingToReplay and CodeReplayTooLarge end a replay.
	CodeNothingToReplay  = "nothing_to_replay"
	CodeReconcileTooMany = "reconcile_too_many"
	CodeReplayTooLarge   = "replay_too_large"
	// CodeTopicRecreated ends a run of which nobody knows what was extracted, because the
	// reports topic was deleted and created again.
	CodeTopicRecreated = "topic_recreated"
	// CodeSourceChanged ends a run whose connection resolves to another place than
	// when it began.
	CodeSourceChanged = "source_changed"
	// CodeNotComparable ends a run of whose rows nobody can say whether they are of
	// people who must not be sent.
	CodeNotComparable = "suppression_not_comparable"
)

// Error ends an attempt. The reason is for users and holds no SQL, value or
// secret. Permanent means that another attempt would end alike.
type Error struct {
	Code      string
	Reason    string
	Permanent bool
}

func (e *Error) Error() string { return e.Code + ": " + e.Reason }

// Permanent is a failure that another attempt would meet as well.
func Permanent(code, format string, args ...any) error {
	return &Error{Code: code, Reason: fmt.Sprintf(format, args...), Permanent: true}
}

// Transient is a failure that another attempt need not meet.
func Transient(code, format string, args ...any) error {
	return &Error{Code: code, Reason: fmt.Sprintf(format, args...)}
}
