package chunk

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/rowjson"
)

var pool = memory.NewGoAllocator()

func one[B array.Builder](b B, fill func(B)) arrow.Array {
	fill(b)
	return b.NewArray()
}

func text(s string) arrow.Array {
	return one(array.NewStringBuilder(pool), func(b *array.StringBuilder) { b.Append(s) })
}

func decfloat(exponent int16, significand []byte) arrow.Array {
	b := array.NewStructBuilder(pool, arrow.StructOf(
		arrow.Field{Name: "exponent", Type: arrow.PrimitiveTypes.Int16}, arrow.Field{Name: "significand", Type: arrow.BinaryTypes.Binary}))
	b.Append(true)
	b.FieldBuilder(0).(*array.Int16Builder).Append(exponent)
	b.FieldBuilder(1).(*array.BinaryBuilder).Append(significand)
	return b.NewArray()
}

func vector(values ...float32) arrow.Array {
	b := array.NewFixedSizeListBuilder(pool, int32(len(values)), arrow.PrimitiveTypes.Float32)
	b.Append(true)
	b.ValueBuilder().(*array.Float32Builder).AppendValues(values, nil)
	return b.NewArray()
}

// prepare makes the chunk of one row: ID 1, E-MAIL as given, and a column ODD.
func prepare(t *testing.T, email string, odd schemas.Column, value arrow.Array, spec func(*schemas.ImportSpec)) (*Chunk, schemas.Extraction) {
	t.Helper()
	columns := []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"}, odd}
	s := schemas.ImportSpec{
		Source:      schemas.Source{ConnectionRef: "warehouse", Table: "T"},
		Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "ID"}, Mapping: []schemas.Property{{From: "EMAIL", To: "Email"}},
	}
	if spec != nil {
		spec(&s)
	}
	p, err := plan.New(s, mapping.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Read(columns, time.Now(), false)
	if err != nil {
		t.Fatal(err)
	}
	a := attempt.Attempt{Subject: "customers", Import: "customers", Run: schemas.ActiveRun{Run: "customers.1", Number: 1, Attempt: 1, Spec: s}}
	prep, err := NewPreparer(Config{
		Attempt: a, Topics: schemas.NewTopics("tapline."), MaxRow: 100_000,
		Spans: telemetry.NewParts(telemetry.Discard().Tracer("test"), "extract chunk", time.Minute), Log: telemetry.Discard().Logger,
	}, r, Ledgers{}, schemas.Extraction{ByPartition: make([]int64, a.Partitions())}, "2026-11-23T10:00:00.000000000")
	if err != nil {
		t.Fatal(err)
	}
	cols := []arrow.Array{one(array.NewInt64Builder(pool), func(b *array.Int64Builder) { b.Append(1) }), text(email), value}
	var fields []arrow.Field
	for i, c := range columns {
		fields = append(fields, arrow.Field{Name: c.Name, Type: cols[i].DataType(), Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
	if err := w.Write(array.NewRecordBatch(schema, cols, 1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := prep.Prepare(t.Context(), 0, buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return c, c.Counts
}

// TestAColumnThatNobodyNeedsCostsNoRow: its value is exact where JSON can say it, and
// else a placeholder that is counted.
func TestAColumnThatNobodyNeedsCostsNoRow(t *testing.T) {
	t.Parallel()
	days := func(n int32) arrow.Array {
		return one(array.NewDate32Builder(pool), func(b *array.Date32Builder) { b.Append(arrow.Date32(n)) })
	}
	long := func(n int64) arrow.Array {
		return one(array.NewInt64Builder(pool), func(b *array.Int64Builder) { b.Append(n) })
	}
	for name, c := range map[string]struct {
		typ   string
		scale int
		value arrow.Array
		want  string
	}{
		"the usual open end":       {"TIMESTAMP_LTZ", 0, long(253402329599), `"+10000-01-01T07:59:59.000000000Z"`},
		"an instant of year 9999":  {"TIMESTAMP_LTZ", 0, long(253402300799), `"9999-12-31T23:59:59.000000000Z"`},
		"a date after year 9999":   {"DATE", 0, days(2932897), `"+10000-01-01"`},
		"a date before the years":  {"DATE", 0, days(-719529), `"-0001-12-31"`},
		"the year before year one": {"DATE", 0, days(-719528), `"+0000-01-01"`},
		"a vector":                 {"VECTOR", 0, vector(1.5, -0.1, 3), `[1.5,-0.1,3]`},
		"a map":                    {"MAP", 0, text(`{ "a": 1 }`), `{"a":1}`},
		"a decimal float":          {"DECFLOAT", 0, decfloat(-3, []byte{0xff, 0x85}), `-123e-3`},
		"a large decimal float":    {"DECFLOAT", 0, decfloat(2000, []byte{0x00, 0xc8}), `200e2000`},
		"a geography":              {"GEOGRAPHY", 0, text(`{"type":"Point","coordinates":[1,2]}`), `{"type":"Point","coordinates":[1,2]}`},
		"a geography as WKT":       {"GEOGRAPHY", 0, text(`POINT(1 2)`), rowjson.Placeholder},
		"text that is not UTF-8":   {"TEXT", 0, text("\xff"), rowjson.Placeholder},
		"a type of tomorrow":       {"HYPERLOG", 0, text("x"), rowjson.Placeholder},
		"a text of two megabytes":  {"TEXT", 0, text(strings.Repeat("x", 2<<20)), rowjson.Placeholder},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chunk, counts := prepare(t, "a@example.com", schemas.Column{Name: "ODD", Type: c.typ, Scale: c.scale, Nullable: true}, c.value, nil)
			if counts.Extracted != 1 || counts.Rejected != 0 {
				t.Fatalf("counts: %+v", counts)
			}
			got := string(chunk.Records()[0].Value)
			if want := `{"ID":1,"EMAIL":"a@example.com","ODD":` + c.want + `}`; got != want || !json.Valid([]byte(got)) {
				t.Errorf("the row is %.300s, want %s", got, want)
			}
			withheld := int64(0)
			if c.want == rowjson.Placeholder {
				withheld = 1
			}
			if counts.Placeholders["ODD"] != withheld {
				t.Errorf("withheld: %v", counts.Placeholders)
			}
		})
	}
}

// TestAColumnThatIsMappedIsHeldToItsRules: no placeholder gets to CleverTap.
func TestAColumnThatIsMappedIsHeldToItsRules(t *testing.T) {
	t.Parallel()
	end := one(array.NewInt64Builder(pool), func(b *array.Int64Builder) { b.Append(253402329599) })
	odd := schemas.Column{Name: "ODD", Type: "TIMESTAMP_LTZ", Nullable: true}
	mapped := func(s *schemas.ImportSpec) { s.Mapping = append(s.Mapping, schemas.Property{From: "ODD", To: "Ends"}) }
	if _, counts := prepare(t, "a@example.com", odd, end, mapped); counts.Rejected != 1 || counts.RejectsByCode["row_unreadable"] != 1 {
		t.Errorf("year 10000: %+v", counts)
	}
	large := strings.Repeat("x", 200_000)
	if _, counts := prepare(t, large, schemas.Column{Name: "ODD", Type: "TEXT"}, text(large), nil); counts.RejectsByCode["row_too_large"] != 1 {
		t.Errorf("a large text that is mapped: %+v", counts)
	}
}
