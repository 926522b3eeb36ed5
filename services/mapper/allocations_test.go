package mapper

import (
	"fmt"
	"testing"

	"tapline.dev/domain/mapping"
	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas"
)

// polled are a member and a poll of rows of one attempt, as they come from Kafka.
func polled(t testing.TB, rows int) (*member, *attemptRows, []*kafka.Record) {
	t.Helper()
	spec := schemas.ImportSpec{
		Destination: schemas.Destination{Type: schemas.TypeProfile}, Identity: schemas.Identity{Column: "ID"},
		Mapping: []schemas.Property{{From: "NAME", To: "Name"}, {From: "SPEND", To: "spend"}, {From: "CITY", To: "city"}},
	}
	columns := []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "NAME", Type: "TEXT"}, {Name: "SPEND", Type: "FIXED", Precision: 12, Scale: 2}, {Name: "CITY", Type: "TEXT"}}
	compiled, problems := mapping.Compile(spec, columns, mapping.Options{})
	if problems != nil {
		t.Fatal(problems)
	}
	nobody, err := suppression.New(suppression.Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{cfg: DefaultConfig(), topics: schemas.NewTopics("")}
	l := &attemptRows{
		attemptKey: attemptKey{subject: "people", number: 1, attempt: 1}, run: &schemas.ActiveRun{Mode: schemas.ModeFull}, rule: &rule{mapping: compiled, clock: 1},
		suppressed: nobody.Checker(""), countedTo: -1, links: map[string]bool{}, recordsTopic: s.topics.Records("people"),
		report: schemas.Mapped{RejectsByCode: map[string]int64{}, Skipped: map[string]int64{}},
	}
	_, l.span = telemetry.NewParts(telemetrytest.New(t, "mapper").Tracer("test"), "map batch", slowBatch).Start(t.Context(), "people.1")
	out := make([]*kafka.Record, rows)
	for i := range out {
		chunk := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203332-00"
		if i%10 == 0 {
			chunk = chunk[:len(chunk)-1] + "1"
		}
		out[i] = &kafka.Record{
			Topic: s.topics.Rows("people"), Offset: int64(i), Key: fmt.Append(nil, i),
			Value: fmt.Appendf(nil, `{"ID":%d,"NAME":"Asha Verma","SPEND":%d.50,"CITY":"Bengaluru"}`, i+1, i),
			Headers: []kafka.Header{
				{Key: schemas.HeaderID, Value: fmt.Appendf(nil, "1.1.%d", i+1)},
				{Key: schemas.HeaderTraceparent, Value: []byte(chunk)},
			},
		}
	}
	return &member{s: s}, l, out
}

func mapAll(t testing.TB, m *member, l *attemptRows, rows []*kafka.Record) *batch {
	t.Helper()
	b := m.newBatch(rows)
	b.byAttempt[l.attemptKey] = l
	for _, row := range rows {
		if err := b.add(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.out) != len(rows) {
		t.Fatalf("%d rows became %d records", len(rows), len(b.out))
	}
	return b
}

// TestARowCostsNoAllocation: what a poll of rows allocates does not grow with the rows, but
// for the room that it takes at the start.
func TestARowCostsNoAllocation(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates for itself: make test-large runs it without")
	}
	const rows = 1000
	m, l, polled := polled(t, rows)
	if n := testing.AllocsPerRun(10, func() { mapAll(t, m, l, polled) }); n > 20 {
		t.Errorf("mapping %d rows allocates %v objects, want at most 20", rows, n)
	}
}

// TestRecordsOfABatch: records that lie in one slab are each complete.
func TestRecordsOfABatch(t *testing.T) {
	t.Parallel()
	m, l, rows := polled(t, 50)
	rows[7].Headers = append(rows[7].Headers, kafka.Header{Key: schemas.HeaderFingerprint, Value: []byte("f")},
		kafka.Header{Key: schemas.HeaderReplayOf, Value: []byte("r")}, kafka.Header{Key: schemas.HeaderClock, Value: []byte("5")})
	for i, r := range mapAll(t, m, l, rows).out {
		want := fmt.Sprintf(`{"type":"profile","identity":"%d","profileData":{"Name":"Asha Verma","spend":%d.50,"city":"Bengaluru"}}`, i+1, i)
		headers := 2
		if i == 7 {
			headers = 5
		}
		if string(r.Value) != want || string(r.Key) != fmt.Sprint(i) || r.Topic != l.recordsTopic || len(r.Headers) != headers ||
			string(r.Headers[0].Value) != fmt.Sprintf("1.1.%d", i+1) || string(r.Headers[1].Value) != string(l.span.Header(i%10 == 0)) {
			t.Errorf("record %d = %s %s %s %v", i, r.Topic, r.Key, r.Value, r.Headers)
		}
	}
}

func BenchmarkBatch(b *testing.B) {
	const rows = 10_000
	m, l, polled := polled(b, rows)
	b.ReportAllocs()
	for b.Loop() {
		mapAll(b, m, l, polled)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
