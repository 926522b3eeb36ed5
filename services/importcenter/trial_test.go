package importcenter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// oracle takes the place of scheduler and extractor: it answers previews.
type oracle struct {
	mu      sync.Mutex
	answers map[string]schemas.Report // by import; one that is missing gets none
	asked   []schemas.Command
	// beside is reported before the answers, by import.
	beside map[string]schemas.Report
	rows   int // of an answer to a command that asks for none
}

func (o *oracle) commands() []schemas.Command {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.asked)
}

// listen answers until the test ends.
func (o *oracle) listen(t *testing.T, c *center) {
	t.Helper()
	from := map[kafka.TP]int64{}
	for p := range int32(schemas.ControlPartitions) {
		from[kafka.TP{Topic: c.topics.Commands(), Partition: p}] = 0
	}
	tail, err := kafka.OpenTail(c.kafka, kafkatest.Deps(), from)
	if err != nil {
		t.Fatal(err)
	}
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			records, err := tail.Poll(ctx, 100)
			if err != nil {
				return
			}
			for _, r := range records {
				o.answer(ctx, t, c, producer, r)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done; tail.Close(); producer.Close() })
}

func (o *oracle) answer(ctx context.Context, t *testing.T, c *center, producer *kafka.Producer, r *kafka.Record) {
	var cmd schemas.Command
	if err := json.Unmarshal(r.Value, &cmd); err != nil {
		t.Error(err)
		return
	}
	o.mu.Lock()
	o.asked = append(o.asked, cmd)
	report, ok := o.answers[cmd.Import]
	before, more := o.beside[cmd.Import]
	rows := max(cmd.Rows, o.rows)
	o.mu.Unlock()
	if !ok || cmd.Kind != schemas.CommandPreview && cmd.Kind != schemas.CommandListTables && cmd.Kind != schemas.CommandTestAccount && cmd.Kind != schemas.CommandCompareClocks {
		return
	}
	report.Import, report.Run, report.Attempt = cmd.Import, cmd.Run, 1
	rec, err := control.Record(c.topics.Reports(), cmd.Import, cmd.Import, report, "test", "test")
	if err != nil {
		t.Error(err)
		return
	}
	var records []*kafka.Record
	if more {
		before.Import, before.Run, before.Attempt = cmd.Import, cmd.Run, 1
		first, err := control.Record(c.topics.Reports(), cmd.Import, cmd.Import, before, "test", "test")
		if err != nil {
			t.Error(err)
			return
		}
		records = append(records, first)
	}
	for i := range min(rows, 2) {
		records = append(records, &kafka.Record{
			Topic: c.topics.DryRunRows(), Partition: schemas.ControlPartition(cmd.Run), Key: []byte(cmd.Run),
			Value: []byte([]string{`{"CUSTOMER_ID":"a<b","EMAIL":null}`, `{"CUSTOMER_ID":"2","EMAIL":"x"}`}[i]),
		})
	}
	if err := producer.Produce(ctx, append(records, rec)...); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

func fits() schemas.Report {
	return schemas.Report{Kind: schemas.ReportPreview, Preview: &schemas.Preview{
		QueryID: "01b", Rows: 2, Nulls: []int64{0, 1, 0}, Millis: 12,
		Columns: []schemas.Column{{Name: "CUSTOMER_ID", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"}, {Name: "UPDATED_AT", Type: "TIMESTAMP_NTZ"}},
	}}
}

func refusal(code, reason string) schemas.Report {
	return schemas.Report{Kind: schemas.ReportAbandoned, Abandoned: &schemas.Abandoned{Code: code, Reason: reason, Permanent: true}}
}

func TestApplyChecksColumns(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.CheckTimeout = 10 * time.Second })
	o := &oracle{answers: map[string]schemas.Report{}}
	o.listen(t, c)
	cursor := fits()
	cursor.Preview.Problems = []schemas.SpecProblem{{Code: "cursor_invalid", Path: "spec.source.cursor", Message: "no order in time"}}
	for name, tc := range map[string]struct {
		answer   schemas.Report
		document string
		status   int
		want     []string
	}{
		"a mapping and a cursor that do not fit": {
			cursor, strings.Replace(customers, `"EMAIL -> Email"`, `"EMIAL -> Email","UPDATED_AT -> Age"`, 1), 422,
			[]string{"documents[2].spec.source.cursor", "cursor_invalid", "documents[2].spec.mapping[0].from", "column_missing", "documents[2].spec.mapping[1].type", "type_unfit"},
		},
		"wrong without the columns as well": {
			fits(), strings.Replace(customers, `"EMAIL -> Email"`, `"EMIAL -> Email",{"from":"EMAIL","to":"a","type":"nonsense"}`, 1), 422,
			[]string{"documents[2].spec.mapping[0].from", "documents[2].spec.mapping[1].type"},
		},
		"a query that Snowflake refuses": {
			refusal("snowflake_query", "near line 1"), customers, 422, []string{"documents[2].spec.source.query", "snowflake_query", "near line 1"},
		},
		"SQL that we refuse": {
			refusal("query_refused", "source.cursor.expr: one expression only"), customers, 422, []string{"documents[2].spec.source.cursor.expr", `"message":"one expression only"`},
		},
		"a sign-in that is refused": {
			refusal("snowflake_auth", "Snowflake refused the password"), customers, 503, []string{"not_checked", "Snowflake refused the password", "--offline"},
		},
	} {
		o.mu.Lock()
		o.answers["customers"] = tc.answer
		o.mu.Unlock()
		got := c.apply(connection, account, tc.document)
		if got.status != tc.status {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
		for _, want := range tc.want {
			if !strings.Contains(got.text, want) {
				t.Errorf("%s: %q is not in %s", name, want, got.text)
			}
		}
	}
	if n := len(c.log(c.topics.Imports(), schemas.ControlPartition("customers"))); n != 0 {
		t.Fatalf("%d refused definitions were written", n)
	}
	o.mu.Lock()
	o.answers["customers"] = fits()
	o.mu.Unlock()
	if got := c.apply(connection, account, customers); got.status != http.StatusOK {
		t.Fatalf("what fits: %d %s", got.status, got.text)
	}
	asked := o.commands()
	last := asked[len(asked)-1]
	if last.Connection == nil || last.Connection.Account != "acme-eu1" || last.Connection.Password != "ref+env://PW" || last.Rows != 0 {
		t.Errorf("asked %+v", last)
	}
	if got := c.apply(customers); got.status != http.StatusOK || len(o.commands()) != len(asked) {
		t.Errorf("what has not changed was checked again: %d %s", got.status, got.text)
	}
}

func TestApplyWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.CheckTimeout = 200 * time.Millisecond })
	o := &oracle{}
	o.listen(t, c)
	got := c.apply(connection, account, customers)
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.text, "not_checked") || !strings.Contains(got.text, "no extractor has answered") {
		t.Errorf("apply = %d %s", got.status, got.text)
	}
	eventually(t, func() bool {
		asked := o.commands()
		return len(asked) == 2 && asked[1].Kind == schemas.CommandCancel && asked[1].Run == asked[0].Run
	})
	offline := c.do("POST", "/v1/apply?offline=true", `{"documents":[`+connection+","+account+","+customers+`]}`)
	if offline.status != http.StatusOK {
		t.Errorf("apply offline = %d %s", offline.status, offline.text)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.CheckTimeout = 10 * time.Second })
	o := &oracle{answers: map[string]schemas.Report{"customers": fits()}}
	o.listen(t, c)
	if got := c.do("POST", "/v1/preview", `{"import":"customers"}`); got.status != http.StatusNotFound {
		t.Errorf("previewing what is not applied = %d %s", got.status, got.text)
	}
	mapping := strings.Replace(customers, "EMAIL -> Email", "NO_SUCH -> Email", 1)
	got := c.do("POST", "/v1/preview", `{"documents":[`+connection+","+mapping+`],"rows":2}`)
	if got.status != http.StatusOK {
		t.Fatalf("preview = %d %s", got.status, got.text)
	}
	for _, want := range []string{`{"CUSTOMER_ID":"a<b","EMAIL":null}`, `"nulls":1`, `"queryId":"01b"`, "documents[1].spec.mapping[0].from"} {
		if !strings.Contains(got.text, want) {
			t.Errorf("%s is not in %s", want, got.text)
		}
	}
	if n := len(c.log(c.topics.Imports(), schemas.ControlPartition("customers"))); n != 0 {
		t.Errorf("a preview applied %d definitions", n)
	}
}

// TestQuestionsOfOneCaller: previews of one caller that get no answer leave room for those
// of other callers.
func TestQuestionsOfOneCaller(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.HTTP.QuestionsPerCaller, cfg.PreviewTimeout = 2, 30*time.Second })
	o := &oracle{}
	o.listen(t, c)
	body := `{"documents":[` + connection + "," + customers + `],"rows":2}`
	ctx, leave := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/preview", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			if res, err := http.DefaultClient.Do(req); err == nil {
				t.Errorf("a preview without an answer ended with %d", res.StatusCode)
				_ = res.Body.Close()
			}
		})
	}
	eventually(t, func() bool { return len(o.commands()) == 2 })
	if got := c.do("POST", "/v1/preview", body); got.status != http.StatusTooManyRequests || !strings.Contains(got.text, "too_many_requests") {
		t.Errorf("a third preview = %d %s", got.status, got.text)
	}
	leave()
	waiting.Wait()
	o.mu.Lock()
	o.answers = map[string]schemas.Report{"customers": fits()}
	o.mu.Unlock()
	eventually(t, func() bool { return c.do("POST", "/v1/preview", body).status == http.StatusOK })
}

// TestADryRunSpeaksOfSharesOfRows: 4 of 10 rows have a denied identity, one is
// unreadable, two have a cursor in the future, and three give records, two of them of one
// profile. So about 300 of 1,000 rows become records.
func TestADryRunSpeaksOfSharesOfRows(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	const dry = "customers.d1"
	var records []*kafka.Record
	for i := range 7 {
		record := &kafka.Record{
			Topic: c.topics.DryRunRows(), Partition: schemas.ControlPartition(dry), Key: []byte(dry), Value: []byte(`{}`),
			Headers: []kafka.Header{{Key: schemas.HeaderID, Value: fmt.Appendf(nil, "1.1.%d", i+1)}},
		}
		if i < 3 {
			mapped := *record
			mapped.Topic, mapped.Value = c.topics.DryRunRecords(), fmt.Appendf(nil, `{"identity":"%d"}`, i/2)
			records = append(records, &mapped)
		}
		if i == 0 {
			record.Headers = append(slices.Clone(record.Headers), kafka.Header{Key: schemas.HeaderOlder, Value: []byte("true")})
		}
		records = append(records, record)
	}
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.Produce(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
	reject := func(seq int, stage, code, column string, omitted bool) {
		c.produceAs(c.topics.DryRunRejects(), dry, schemas.Reject{
			Stage: stage, Run: dry, Attempt: 1, ID: fmt.Sprintf("1.1.%d", seq), Code: code, Column: column, Omitted: omitted, Row: json.RawMessage(`{"A":1}`),
		})
	}
	for seq := 4; seq <= 7; seq++ {
		reject(seq, schemas.StageMap, "identity_denied", "CUSTOMER_ID", false)
	}
	reject(8, schemas.StageExtract, "row_unreadable", "EMAIL", false)
	reject(9, schemas.StageExtract, "cursor_future", "UPDATED_AT", true)
	reject(10, schemas.StageExtract, "cursor_future", "UPDATED_AT", true)
	profiles := &schemas.Receipt{Partition: schemas.ControlPartition(dry)}
	for offset := range int64(3) {
		profiles.Profiles = append(profiles.Profiles, schemas.OffsetOutcome{Offset: offset, Code: schemas.ProfileNew})
	}
	c.produceAs(c.topics.Reports(), "customers", schemas.Report{Run: dry, Import: "customers", Attempt: 1, Kind: schemas.ReportReceipt, Receipt: profiles})
	c.produceAs(c.topics.Reports(), "customers", schemas.Report{
		Run: dry, Import: "customers", Attempt: 1, Kind: schemas.ReportFinal, Final: &schemas.Final{Extraction: schemas.Extraction{Read: 10, Population: 1000}},
	})
	c.produceAs(c.topics.Runs(), "customers", schemas.Run{Run: dry, Import: "customers", State: schemas.StateSucceededWithRejects})
	c.produceAs(c.topics.State(), dry, schemas.State{Import: "customers", Sample: &schemas.Sample{
		Run: dry, Attempt: 1, Spec: c.spec(), TakenAt: time.Now(), Columns: fits().Preview.Columns,
	}})

	a := c.do("GET", "/v1/dryruns/"+dry, "")
	var got struct {
		Properties []struct {
			Property, Code   string
			Failing, Omitted int
		}
		Profiles struct{ New int }
		Estimate struct{ Rows, Records int }
		Older    int
		Rows     []json.RawMessage
	}
	if err := json.Unmarshal([]byte(a.text), &got); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s (%v)", a.status, a.text, err)
	}
	if got.Estimate.Rows != 1000 || got.Estimate.Records != 300 || got.Profiles.New != 2 || got.Older != 1 || len(got.Rows) != 10 {
		t.Errorf("the dry run is %s", a.text)
	}
	failed := map[string]string{}
	for _, p := range got.Properties {
		if p.Code != "" {
			failed[p.Property] = fmt.Sprintf("%s %d %d", p.Code, p.Failing, p.Omitted)
		}
	}
	want := map[string]string{"Identity": "identity_denied 4 0", "Email": "row_unreadable 1 0", "Updated On": "cursor_future 0 2"}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
