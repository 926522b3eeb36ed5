package extractor

import (
	"context"
	"io"
	"testing"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/snowflake"
	"tapline.dev/services/extractor/internal/statement"
)

// refusing is a session that names a statement and refuses it.
type refusing struct{ source }

func (refusing) Query(_ context.Context, _ statement.Statement, onID func(string)) (result, error) {
	onID("01b-refused")
	return nil, &snowflake.Error{Code: snowflake.CodeQuery, Permanent: true}
}

// TestAFailedStatementIsNamed: the span of a statement that fails is kept however many the run
// has had, and names the query.
func TestAFailedStatementIsNamed(t *testing.T) {
	t.Parallel()
	spans := telemetry.NewRing(100)
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{
		Service: "extractor", Log: io.Discard, Spans: spans, LookupEnv: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMetrics(tel)
	if err != nil {
		t.Fatal(err)
	}
	statements := telemetry.NewParts(tel.Tracer(name), "execute statement", slowChunk)
	src, err := newWarehouse().open(t.Context(), schemas.SnowflakeConnectionSpec{}, snowflake.Tag{})
	if err != nil {
		t.Fatal(err)
	}
	run := func(src source) error {
		_, err := (&measuredSource{source: src, run: "customers.1", metrics: m.snowflake, statements: statements}).Query(t.Context(), statement.Statement{}, nil)
		return err
	}
	for range 32 { // of the next one no span would be kept
		if err := run(src); err != nil {
			t.Fatal(err)
		}
	}
	if run(refusing{}) == nil {
		t.Fatal("no error")
	}
	if err := tel.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, span := range spans.Spans("") {
		if span.Attributes["tapline.kept"] != "failed" {
			continue
		}
		if span.Attributes["snowflake.query_id"] != "01b-refused" {
			t.Errorf("the span of the statement that failed: %+v", span)
		}
		return
	}
	t.Error("the statement that failed has no span")
}
