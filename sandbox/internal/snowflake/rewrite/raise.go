package rewrite

import (
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Raise returns SQL that raises the error when it is evaluated.
func Raise(code, state, message string) string {
	return "error(" + sqltext.Literal(sferr.CodedText(code, state, message)) + ")"
}
