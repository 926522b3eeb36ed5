package importcenter

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// produceNamed writes definitions under their names.
func (c *center) produceNamed(topic string, values []any) {
	c.t.Helper()
	producer, err := kafka.OpenProducer(c.kafka, kafkatest.Deps())
	if err != nil {
		c.t.Fatal(err)
	}
	defer producer.Close()
	var records []*kafka.Record
	for _, v := range values {
		name := v.(schemas.Definition).Metadata.Name
		record, err := control.Record(topic, name, name, v, "test", "test")
		if err != nil {
			c.t.Fatal(err)
		}
		records = append(records, record)
	}
	if err := producer.Produce(c.t.Context(), records...); err != nil {
		c.t.Fatal(err)
	}
}

func withSchedules(schedules string) string {
	return strings.Replace(customers, `"spec":{"source"`, `"spec":{"timezone":"Europe/Berlin","schedules":`+schedules+`,"source"`, 1)
}

func TestScheduleOfADefinition(t *testing.T) {
	t.Parallel()
	c := start(t)
	a := c.do("POST", "/v1/schedule?next=600&zone=Asia/Kolkata", withSchedules(`[{"daysOfWeek":["mon","fri"],"times":["09:00"]},{"cron":"30 2 * * *"}]`))
	if a.status != http.StatusOK || a.body["sentence"] != `Runs every Monday and Friday at 09:00 in Europe/Berlin, and as the cron "30 2 * * *" says, in Europe/Berlin.` {
		t.Fatalf("%d %s", a.status, a.text)
	}
	marks := map[string]bool{}
	for _, item := range a.body["next"].([]any) {
		due := item.(map[string]any)
		if clocks, ok := due["clocks"].(string); ok {
			marks[clocks] = true
		}
		if !strings.Contains(due["viewer"].(string), "IST") || !strings.Contains(due["local"].(string), "CE") {
			t.Fatalf("due %v", due)
		}
	}
	if !marks["clocks go forward by 1h"] || !marks["clocks go back by 1h"] {
		t.Errorf("changes of the clocks: %v", marks)
	}
	if a := c.do("POST", "/v1/schedule?zone=Mars/Base", withSchedules(`[{"cron":"30 2 * * *"}]`)); a.status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown zone = %d %s", a.status, a.text)
	}
	if a := c.do("POST", "/v1/schedule", withSchedules(`[{"cron":"30 2 * *"}]`)); a.status != http.StatusUnprocessableEntity || a.body["code"] != "definition_refused" {
		t.Errorf("a broken cron = %d %s", a.status, a.text)
	}
	if a := c.do("GET", "/v1/imports/customers/schedule", ""); a.status != http.StatusNotFound {
		t.Errorf("the schedule of nothing = %d %s", a.status, a.text)
	}
}

// TestPlannedRunsAreInTheSchedule: a run that somebody has planned stands among the due
// instants of the schedules, and alone where there are none.
func TestPlannedRunsAreInTheSchedule(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, withSchedules(`[{"cron":"0 * * * *"}]`))
	now := time.Now().UTC()
	between := now.Truncate(time.Hour).Add(90 * time.Minute)
	c.produce(c.topics.State(), schemas.State{Import: "customers", Anchor: &now, ScheduleSince: &now, Planned: []schemas.PlannedRun{{At: between, Key: "k"}}})
	next := func() (got []string) {
		for _, item := range c.do("GET", "/v1/imports/customers/schedule?next=3", "").body["next"].([]any) {
			due := item.(map[string]any)
			text := due["at"].(string)
			if due["planned"] == true {
				text += " planned " + due["local"].(string)
			}
			got = append(got, text)
		}
		return got
	}
	hour := func(n int) string {
		return now.Truncate(time.Hour).Add(time.Duration(n) * time.Hour).Format(time.RFC3339)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{hour(1), between.Format(time.RFC3339) + " planned " + between.In(berlin).Format("Mon 2006-01-02 15:04:05 MST (-07:00)"), hour(2)}
	eventually(t, func() bool { return len(next()) == 3 && strings.Contains(next()[1], "planned") })
	if diff := cmp.Diff(want, next()); diff != "" {
		t.Errorf("next (-want +got):\n%s", diff)
	}
}

// TestPastInstants: each ends as one run, or as a skip with its reason.
func TestPastInstants(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, withSchedules(`[{"cron":"0 * * * *"}]`))
	now := time.Now().UTC()
	hour := func(n int) *time.Time { at := now.Truncate(time.Hour).Add(time.Duration(n) * time.Hour); return &at }
	began := hour(-8).Add(-time.Minute)
	c.produce(c.topics.State(), schemas.State{
		Import: "customers", LastNumber: 3, Anchor: &began, ScheduleSince: &began, LastDue: hour(-1),
		SkippedDue: []schemas.SkippedDue{{From: *hour(-4), To: *hour(-3), Reason: schemas.SkippedPaused}},
	})
	w := projection.NewWriter(c.client)
	for n, due := range map[int][2]*time.Time{1: {hour(-7), nil}, 2: {hour(-5), hour(-6)}, 3: {hour(-1), hour(-2)}} {
		r := schemas.Run{Run: schemas.RunID("customers", n), Import: "customers", State: schemas.StateSucceeded, Due: due[0], DueFrom: due[1], StartedAt: due[0].Add(time.Minute)}
		if err := w.PutRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	eventually(t, func() bool {
		a := c.do("GET", "/v1/imports/customers/schedule?past=20&next=1", "")
		got = nil
		for _, item := range a.body["past"].([]any) {
			r := item.(map[string]any)
			text := r["outcome"].(string)
			if run, ok := r["run"].(string); ok {
				text = run
			}
			got = append(got, text)
		}
		return len(got) == 9
	})
	want := "waiting customers.3 customers.3 skipped skipped customers.2 customers.2 customers.1 unknown"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("past = %s, want %s", text, want)
	}
}

// TestLeastInterval: new and changed schedules of every kind keep it; one in force goes
// on with a note.
func TestLeastInterval(t *testing.T) {
	t.Parallel()
	c := start(t)
	farFromNow := time.Now().UTC().Add(12 * time.Hour).Format("15:04") // an interval begins now
	for schedules, ok := range map[string]bool{
		`[{"every":"14m"}]`:                                                              false,
		`[{"cron":"*/10 * * * *"}]`:                                                      false,
		`[{"daysOfWeek":["mon"],"times":["09:00","09:05"]}]`:                             false,
		`[{"daysOfMonth":[1],"times":["09:00"]},{"cron":"10 9 1 * *"}]`:                  false,
		`[{"at":"2099-01-01T10:00:00Z"},{"at":"2099-01-01T10:05:00Z"}]`:                  true, // beyond what is looked at
		`[{"every":"15m"}]`:                                                              true,
		`[{"cron":"0 * * * *"}]`:                                                         true,
		`[{"daysOfWeek":["sun"],"times":["01:59","02:30","03:01"]}]`:                     true, // the clocks may bring these together
		`[{"daysOfMonth":[31,"last"],"times":["` + farFromNow + `"]},{"every":"1440m"}]`: true,
	} {
		a := c.apply(connection, account, withSchedules(schedules))
		if got := a.status == http.StatusOK; got != ok {
			t.Errorf("%s = %d %s", schedules, a.status, a.text)
		}
		if !ok && !strings.Contains(a.text, "schedule_too_often") {
			t.Errorf("%s says %s", schedules, a.text)
		}
	}
	fast := schemas.Definition{APIVersion: schemas.APIVersion, Kind: schemas.KindImport, Metadata: schemas.Metadata{Name: "customers"}, Generation: 99, AppliedAt: time.Now()}
	fast.Spec.Timezone, fast.Spec.Schedules = "Europe/Berlin", []schemas.Schedule{{Cron: "* * * * *"}}
	c.produceNamed(c.topics.Imports(), []any{fast})
	a := c.apply(connection, account, withSchedules(`[{"cron":"* * * * *"}]`))
	if a.status != http.StatusOK || !strings.Contains(a.text, "stay in force") {
		t.Errorf("one in force = %d %s", a.status, a.text)
	}
}
