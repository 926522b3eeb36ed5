package expression

import (
	"errors"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// failure is why an expression has no value for a row, in words without the
// value.
type failure string

// ErrText says that the text of a column is not valid UTF-8.
const ErrText = failure("a text is not valid UTF-8")

func (f failure) Error() string { return string(f) }

// Reason is what a reject may say of an error of Run: never a value.
func Reason(err error) string {
	if f, ok := errors.AsType[failure](err); ok {
		return string(f)
	}
	return "it fails on this row's values"
}

// mismatch says which kinds of values an operation does not take.
func mismatch(operation string, a, b any) failure {
	if b == nil {
		return failure(operation + " does not take " + kindOf(a))
	}
	return failure(operation + " does not take " + kindOf(a) + " and " + kindOf(b))
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "NULL"
	case bool:
		return "a boolean"
	case int, *apd.Decimal, float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case time.Time:
		return "a date"
	case time.Duration:
		return "a duration"
	}
	return "a value of another kind"
}
