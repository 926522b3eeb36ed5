package model

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// publicReport is a publicly reported fault of a similar program, as the smallest input
// that shows it.
type publicReport struct {
	source  string // repository and thread
	query   string
	mapping []schemas.Property // beside ID; none maps ID alone
	row     string             // part of the only row in the rows topic
	record  string             // part of the only record in the records topic
	rejects string             // the code of the only row's reject
	fails   string             // the run's error code
	nothing bool               // the result is empty
}

func property(from, to, typ string) []schemas.Property {
	return []schemas.Property{{From: from, To: to, Type: typ}}
}

func expression(text, to string) []schemas.Property {
	return []schemas.Property{{Expr: text, To: to}}
}

var publicReports = []publicReport{
	{
		source: "snowflake-connector-net 1104, snowflake-connector-python 392: the open end of a validity, not mapped",
		query:  `select 1 as ID, '9999-12-31 23:59:59 -0800'::timestamp_ltz as V`,
		row:    `"V":"+10000-01-01T07:59:59.000000000Z"`, record: `"identity":"1"`,
	},
	{
		source: "airbyte 27124: two megabytes of text, not mapped",
		query:  `select 1 as ID, repeat('x', 2000000) as V`, record: `"identity":"1"`,
	},
	{source: "gosnowflake 910, arrow-adbc 2811: an instant after 2262", query: `select 1 as ID, '2300-01-01 00:00:00.123456789 +00:00'::timestamp_ltz as V`, row: `"V":"2300-01-01T00:00:00.123456789Z"`},
	{source: "gosnowflake 910: the last date", query: `select 1 as ID, '9999-12-31'::date as V`, mapping: property("V", "v", "string"), row: `"V":"9999-12-31"`, record: `"v":"9999-12-31"`},
	{source: "arrow-adbc 2811: the last year west of Greenwich, not mapped", query: `select 1 as ID, '9999-12-31 23:59:59 -0800'::timestamp_tz as V`, row: `"V":"9999-12-31T23:59:59.000000000-08:00"`},
	{source: "snowflake-jdbc 172: the first year", query: `select 1 as ID, '0001-01-01'::date as V`, row: `"V":"0001-01-01"`},
	{source: "trino 10074: a date before the Gregorian calendar", query: `select 1 as ID, '1400-02-28'::date as V`, row: `"V":"1400-02-28"`},
	{source: "trino 10074: a date that the Gregorian reform left out", query: `select 1 as ID, '1582-10-10'::date as V`, row: `"V":"1582-10-10"`},
	{source: "snowflake-connector-net 1371: a fraction before 1970", query: `select 1 as ID, '1969-12-31 23:59:59.999999999'::timestamp_ntz as V`, row: `"V":"1969-12-31T23:59:59.999999999"`},
	{source: "snowflake-connector-net 1428: half an hour", query: `select 1 as ID, '2026-01-01 00:00:00 +0530'::timestamp_tz as V`, row: `"V":"2026-01-01T00:00:00.000000000+05:30"`},
	{source: "snowflake-connector-net 1428: fourteen hours", query: `select 1 as ID, '2026-01-01 00:00:00 +1400'::timestamp_tz as V`, row: `"V":"2026-01-01T00:00:00.000000000+14:00"`},
	{source: "gosnowflake 878: NUMBER(38,37)", query: `select 1 as ID, 1.0000000000000000000000000000000000001::number(38,37) as V`, row: `"V":1.0000000000000000000000000000000000001`},
	{source: "snowflake-connector-net 297: minus 0.99", query: `select 1 as ID, -0.99::number(10,2) as V`, mapping: property("V", "v", "float"), row: `"V":-0.99`, record: `"v":-0.99`},
	{source: "airbyte 4316: 38 digits as a number", query: `select 1 as ID, 99999999999999999999999999999999999999::number(38,0) as V`, mapping: property("V", "v", "float"), row: `"V":99999999999999999999999999999999999999`, record: `"v":99999999999999999999999999999999999999`},
	{source: "airbyte 4316: not a number", query: `select 1 as ID, 'NaN'::float as V`, mapping: property("V", "v", "float"), rejects: "out_of_range"},
	{source: "airbyte 4316: infinity", query: `select 1 as ID, 'inf'::float as V`, mapping: property("V", "v", "float"), rejects: "out_of_range"},
	{source: "snowflake-connector-nodejs 1295: the largest 64 bits", query: `select 1 as ID, 9223372036854775807::number(38,0) as V`, mapping: property("V", "v", "integer"), record: `"v":9223372036854775807`},
	{source: "snowflake-connector-nodejs 1295: the smallest 64 bits", query: `select 1 as ID, -9223372036854775808::number(38,0) as V`, mapping: property("V", "v", "integer"), record: `"v":-9223372036854775808`},
	{source: "snowflake-connector-nodejs 1295: one more than 64 bits", query: `select 1 as ID, 9223372036854775808::number(38,0) as V`, mapping: property("V", "v", "integer"), rejects: "out_of_range"},
	{
		source: "estuary connectors 2068: a JSON null under onNull: reject", query: `select 1 as ID, parse_json('null') as V`,
		mapping: []schemas.Property{{From: "V", To: "v", Type: "string", OnNull: "reject"}}, rejects: "null_rejected",
	},
	{source: "r-spatial sf 2230: a VARIANT's double in an expression", query: `select 1 as ID, parse_json('1.1') as V`, mapping: expression("V + 1", "v"), record: `"v":2.1`},
	{source: "airbyte 28638, target-snowflake 51: odd names of columns", query: `select 1 as ID, 5 as "a b.$""😀select"`, mapping: property(`a b.$"😀select`, "v", "float"), record: `"v":5`},
	{source: "snowflake-connector-nodejs 114: a join with a name twice", query: `select * from (select 1 as ID, 2 as A) x join (select 1 as ID, 3 as A) y on x.ID = y.ID`, fails: "column_ambiguous"},
	{source: "airbyte 28638: names that differ in case", query: `select 1 as ID, 2 as "v", 3 as V`, mapping: property("V", "upper", "float"), row: `"v":2,"V":3`, record: `"upper":3`},
	{source: "gosnowflake 1035: an empty result", query: `select 1 as ID where 1=0`, nothing: true},
	{source: "amethyst 3254: a text cut in an expression", query: `select 1 as ID, 'éé' as V`, mapping: expression("V[0:1]", "v"), record: `"v":"é"`},
	{source: "metabase 49388: a VECTOR, not mapped", query: `select 1 as ID, [1.5, 2]::vector(float, 2) as V`, row: `"V":[1.5,2]`, record: `"identity":"1"`},
}

// reportsElsewhere are the reports that need a history, a clock or another
// service, with the test of each.
var reportsElsewhere = []struct{ source, file, test string }{
	{"airbyte 70257: an equal maximum and a late twin", "tests/model/late_test.go", "TestLateRowsAreFound"},
	{"airbyte 4802: a cursor that is NULL, three policies", "services/extractor/internal/statement/statement_test.go", "TestWindow"},
	{"peerdb 595: a column added, renamed, given another type, dropped", "tests/model/driver_test.go", "TestColumnsThatChange"},
	{"gocron 911 and 69, nats-server 8543: instants that clocks skip or repeat", "domain/schedule/schedule_test.go", "TestNext"},
	{"hashicorp cronexpr 1: an hourly cron in autumn", "domain/schedule/wall_test.go", "TestSchedulesAgainstTheClock"},
	{"gosnowflake 1119, snowflake-connector-python 3035: expired sessions, 503, short chunks, a wrong total", "tests/model/driver_test.go", "TestResultsOfAllSizesThroughFaults"},
	{"dbt-snowflake 289 and 174: ROWS_PER_RESULTSET on the account", "services/extractor/internal/snowflake/parameters_test.go", "TestEveryResultParameterIsSent"},
	{"snowflake-connector-nodejs 423: no current database, a resource monitor", "services/extractor/internal/snowflake/errors_test.go", "TestErrorsByTheirCode"},
	{"kafka-connect-jdbc 1354: a cursor without a zone, hours ahead", "services/scheduler/internal/fold/rownotes_test.go", "TestFutureRowsAreNoted"},
	{"dbt-adapters 1143: forms of account names, a URL among them", "domain/definition/odd_test.go", "TestBadInput"},
}

// TestPublicReports runs each report as an import.
func TestPublicReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trouble{})
	name := func(i int) string { return fmt.Sprintf("report-%d", i) }
	for i, report := range publicReports {
		spec := plainSpec(report.query)
		spec.Expressions = schemas.ExpressionsExact
		spec.Limits.MaxRejectRatio = 1
		if len(report.mapping) > 0 {
			spec.Mapping = report.mapping
		}
		w.apply(name(i), spec)
	}
	w.startAll()
	for i, report := range publicReports {
		run := w.once(name(i), 1)
		w.judgeReport(report, run, name(i))
	}
}

func (w *world) judgeReport(report publicReport, run schemas.Run, name string) {
	w.t.Helper()
	if report.fails != "" {
		if run.Error == nil || run.Error.Code != report.fails {
			w.t.Errorf("%s: the run is %s with %+v, want code %s", report.source, run.State, run.Error, report.fails)
		}
		return
	}
	want := map[string]int64{}
	if report.rejects != "" {
		want[report.rejects] = 1
	}
	read := int64(1)
	if report.nothing {
		read = 0
	}
	if run.Error != nil || run.Counts.Read != read || run.Counts.Loaded != read-int64(len(want)) || fmt.Sprint(run.RejectsByCode) != fmt.Sprint(want) {
		w.t.Errorf("%s: the run is %s, %+v, rejects %v, want %v, error %+v", report.source, run.State, run.Counts, run.RejectsByCode, want, run.Error)
	}
	for what, part := range map[string]string{w.topics.Rows(name): report.row, w.topics.Records(name): report.record} {
		if got := strings.Join(w.valuesOf(what), "\n"); !strings.Contains(got, part) {
			w.t.Errorf("%s: %s holds %.300s, want %s", report.source, what, got, part)
		}
	}
}

// valuesOf returns the values of a topic with one partition.
func (w *world) valuesOf(topic string) (values []string) {
	w.t.Helper()
	_, err := w.reader.ReadTo(w.t.Context(), kafka.TP{Topic: topic}, 0, func(r *kafka.Record) error {
		values = append(values, string(r.Value))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return values
}

// TestReportsElsewhere: the named test of each report exists.
func TestReportsElsewhere(t *testing.T) {
	t.Parallel()
	for _, report := range reportsElsewhere {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", report.file), nil, 0)
		if err != nil {
			t.Errorf("%s: %v", report.source, err)
			continue
		}
		found := false
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			found = found || ok && f.Name.Name == report.test
		}
		if !found {
			t.Errorf("%s: %s has no %s", report.source, report.file, report.test)
		}
	}
}
