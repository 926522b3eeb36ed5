package extractor

import (
	"testing"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/snowflake"
)

// Every code that an attempt can end with is explained in the catalogue.
func TestCodesAreInTheCatalogue(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		failure.CodeReferenceMissing, failure.CodeSecretUnresolved, failure.CodeQueryRefused, failure.CodeColumnAmbiguous, failure.CodeColumnMissing, failure.CodeColumnType, failure.CodeColumnTypeChanged, failure.CodeTooManyColumns,
		failure.CodeCursorInvalid, failure.CodeCursorNull, failure.CodeResultChanged, failure.CodeResultShort, failure.CodeRowUnreadable, failure.CodeRowTooLarge, failure.CodeNotComparable,
		snowflake.CodeConnection, snowflake.CodeAuth, snowflake.CodeUnreachable, snowflake.CodeQuery, snowflake.CodeTimeout,
		snowflake.CodeCancelled, snowflake.CodeResultLost, snowflake.CodeResultShort, snowflake.CodeUnreadable,
	} {
		if _, ok := schemas.LookupError(code); !ok {
			t.Errorf("%s is not in the catalogue", code)
		}
	}
}
