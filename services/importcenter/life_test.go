package importcenter

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

var incomplete = `{"apiVersion":"tapline.dev/v1alpha1","kind":"Import","metadata":{"name":"customers"},"spec":{"draft":true,"destination":{"type":"profile"}}}`

// TestDrafts: one is kept, says what it lacks, has no topics, and starts nothing.
func TestDrafts(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	a := c.apply(incomplete)
	if a.status != http.StatusOK {
		t.Fatalf("a draft = %d %s", a.status, a.text)
	}
	for _, want := range []string{`"missing":[`, "spec.source", "spec.mapping", "never runs"} {
		if !strings.Contains(a.text, want) {
			t.Errorf("the answer lacks %q: %s", want, a.text)
		}
	}
	if c.topicExists(t, c.topics.Rows("customers")) {
		t.Error("the draft has topics")
	}
	for _, request := range [][2]string{
		{"runs", ""}, {"reset", ""}, {"backfills", `{"from":"2026-01-01","to":"2026-02-01"}`},
		{"planned-runs", `{"at":"2126-01-01T00:00:00Z"}`}, {"runs?from=2026-01-01", ""},
	} {
		a := c.do("POST", "/v1/imports/customers/"+request[0], request[1])
		if a.status != http.StatusConflict || a.body["code"] != "import_draft" {
			t.Errorf("%s of a draft = %d %s", request[0], a.status, a.text)
		}
	}
	// A dry run waits for what is missing, and says what that is.
	if a := c.do("POST", "/v1/imports/customers/dryruns", `{"rows":5}`); a.status != http.StatusConflict || a.body["code"] != "import_draft" || !strings.Contains(a.text, `"spec.mapping`) {
		t.Errorf("a dry run of an incomplete draft = %d %s", a.status, a.text)
	}
	if n := len(c.log(c.topics.Commands(), schemas.ControlPartition("customers"))); n != 0 {
		t.Errorf("%d commands of a draft were written", n)
	}
	if a := c.apply(customers); a.status != http.StatusOK || !strings.Contains(a.text, `"updated"`) {
		t.Fatalf("made real = %d %s", a.status, a.text)
	}
	if !c.topicExists(t, c.topics.Rows("customers")) {
		t.Error("the import has no topics although it is real")
	}
}

func (c *center) topicExists(t *testing.T, name string) bool {
	t.Helper()
	names, err := kafka.Topics(t.Context(), c.kafka, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	return slices.Contains(names, name)
}

func TestClone(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	a := c.do("POST", "/v1/imports/customers/clone", `{"name":"customers-2"}`)
	if a.status != http.StatusCreated || !strings.Contains(a.text, `"draft":true`) {
		t.Fatalf("a clone = %d %s", a.status, a.text)
	}
	for _, refused := range []struct {
		path, body string
		status     int
	}{
		{"customers", `{"name":"customers-2"}`, http.StatusConflict},
		{"customers", `{"name":"customers"}`, http.StatusConflict},
		{"customers", `{"name":"No Name"}`, http.StatusUnprocessableEntity},
		{"custmers", `{"name":"other"}`, http.StatusNotFound},
	} {
		if a := c.do("POST", "/v1/imports/"+refused.path+"/clone", refused.body); a.status != refused.status {
			t.Errorf("%s as %s = %d %s", refused.path, refused.body, a.status, a.text)
		}
	}
}

// TestUnknownImports: each of the commands names the nearest import.
func TestUnknownImports(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	for path, body := range map[string]string{
		"stop": "", "backfills": `{"from":"2026-01-01","to":"2026-02-01"}`, "resends": `{"first":1,"last":1}`,
		"planned-runs": `{"at":"2126-01-01T00:00:00Z"}`, "clone": `{"name":"x"}`, "runs?from=2026-01-01": "",
	} {
		a := c.do("POST", "/v1/imports/custmers/"+path, body)
		if a.status != http.StatusNotFound || !strings.Contains(a.text, "customers") {
			t.Errorf("%s = %d %s", path, a.status, a.text)
		}
	}
	if a := c.do("DELETE", "/v1/imports/custmers?topics=keep", "", "If-Match", "*"); a.status != http.StatusNotFound || !strings.Contains(a.text, "customers") {
		t.Errorf("delete = %d %s", a.status, a.text)
	}
}

func TestBackfillsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	for body, want := range map[string]string{
		`{"from":"yesterday","to":"2026-02-01"}`:             "from:",
		`{"from":"2026-01-01","to":"never"}`:                 "to:",
		`{"from":"2026-02-01","to":"2026-01-01"}`:            "nothing between",
		`{"from":"2026-01-01T00:00:00Z","to":"2026-02-01"}`:  "both",
		`{"from":"2026-01-01"}`:                              "to",
		`{"from":"2026-01-01","to":"2026-02-01","more":"x"}`: "more",
	} {
		if a := c.do("POST", "/v1/imports/customers/backfills", body); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text, want) {
			t.Errorf("%s = %d %s", body, a.status, a.text)
		}
	}
	if a := c.do("POST", "/v1/imports/customers/planned-runs", `{"at":"2020-01-01T00:00:00Z"}`); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a plan for the past = %d %s", a.status, a.text)
	}
}

// TestCommandsOfLife: what is written, and that the answer is the scheduler's.
func TestCommandsOfLife(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	if a := c.do("POST", "/v1/imports/customers/stop", ""); a.status != http.StatusAccepted || c.commands("stop") != 1 {
		t.Fatalf("stop = %d %s", a.status, a.text)
	}
	var got schemas.Command
	c.obey(t, 2, func(cmd schemas.Command) schemas.State {
		got = cmd
		return schemas.State{Import: "customers", Keys: []string{cmd.ID}, Refused: []string{cmd.ID}, RefusedBecause: map[string]string{cmd.ID: schemas.RefusedStopped}}
	})
	a := c.do("POST", "/v1/imports/customers/backfills", `{"from":"2026-01-01T00:00:00+01:00","to":"2026-02-01T00:00:00Z"}`)
	if a.status != http.StatusConflict || !strings.Contains(a.text, "is stopped") {
		t.Errorf("a backfill of a stopped import = %d %s", a.status, a.text)
	}
	if got.From != "2025-12-31T23:00:00.000000000Z" || got.To != "2026-02-01T00:00:00.000000000Z" {
		t.Errorf("command %+v", got)
	}
	at := time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC)
	c.obey(t, 3, func(cmd schemas.Command) schemas.State {
		got = cmd
		return schemas.State{Import: "customers", Keys: []string{cmd.ID}, Planned: []schemas.PlannedRun{{At: at, Key: cmd.ID}}}
	})
	if a := c.do("POST", "/v1/imports/customers/planned-runs", `{"at":"2126-01-01T00:00:00Z"}`); a.status != http.StatusAccepted || got.At == nil || !got.At.Equal(at) {
		t.Errorf("a plan = %d %s, command %+v", a.status, a.text, got)
	}
	c.obey(t, 4, func(cmd schemas.Command) schemas.State {
		return schemas.State{Import: "customers", Keys: []string{cmd.ID}, Refused: []string{cmd.ID}, RefusedBecause: map[string]string{cmd.ID: schemas.RefusedNotPlanned}}
	})
	if a := c.do("DELETE", "/v1/imports/customers/planned-runs/2126-01-02T00:00:00Z", ""); a.status != http.StatusNotFound {
		t.Errorf("cancelling what is not planned = %d %s", a.status, a.text)
	}
	c.obey(t, 5, func(cmd schemas.Command) schemas.State {
		return schemas.State{Import: "customers", Keys: []string{cmd.ID}, Refused: []string{cmd.ID}, RefusedBecause: map[string]string{cmd.ID: schemas.RefusedHasWatermark}}
	})
	if a := c.do("POST", "/v1/imports/customers/runs?from=2026-01-01", ""); a.status != http.StatusConflict || a.body["code"] != "has_watermark" {
		t.Errorf("a second first run = %d %s", a.status, a.text)
	}
}

// TestASchedulerThatIsAway: a command that nobody takes is said to be recorded, once.
func TestASchedulerThatIsAway(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.AnswerTimeout, cfg.CheckTimeout = 200*time.Millisecond, 0 })
	c.apply(connection, account, customers)
	for range 2 {
		a := c.do("POST", "/v1/imports/customers/planned-runs", `{"at":"2126-01-01T00:00:00Z"}`, "Idempotency-Key", "k")
		if a.status != http.StatusGatewayTimeout || !strings.Contains(a.text, "is recorded") {
			t.Errorf("a plan = %d %s", a.status, a.text)
		}
	}
	a := c.do("DELETE", "/v1/imports/customers?topics=remove", "", "If-Match", "*")
	if a.status != http.StatusOK || !strings.Contains(a.text, "removed") {
		t.Errorf("the deletion of an import that no scheduler has seen = %d %s", a.status, a.text)
	}
}

// TestDelete: the choice is explicit, an active run is an obstacle, and the topics go
// only once the scheduler has ended it.
func TestDelete(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.AnswerTimeout, cfg.CheckTimeout = 2*time.Second, 0 })
	c.apply(connection, account, customers)
	running := schemas.State{Import: "customers", Generation: 1, LastNumber: 3, Active: &schemas.ActiveRun{Run: "customers.3", Number: 3, State: schemas.StateExtracting}}
	c.produce(c.topics.State(), running)
	for query, want := range map[string]int{"": http.StatusUnprocessableEntity, "?topics=perhaps": http.StatusUnprocessableEntity, "?topics=keep": http.StatusConflict} {
		if a := c.do("DELETE", "/v1/imports/customers"+query, "", "If-Match", "*"); a.status != want {
			t.Errorf("%q = %d %s", query, a.status, a.text)
		}
	}
	a := c.do("DELETE", "/v1/imports/customers?topics=remove&cancelActive=true", "", "If-Match", "*")
	if a.status != http.StatusGatewayTimeout || !strings.Contains(a.text, "is deleted") || !c.topicExists(t, c.topics.Rows("customers")) {
		t.Errorf("its run has not ended: %d %s", a.status, a.text)
	}
	c.apply(customers)
	c.produce(c.topics.State(), schemas.State{Import: "customers", LastNumber: 3})
	a = c.do("DELETE", "/v1/imports/customers?topics=remove", "", "If-Match", "*")
	if a.status != http.StatusOK || !strings.Contains(a.text, c.topics.Rows("customers")) || !strings.Contains(a.text, "90 days") {
		t.Fatalf("deleted = %d %s", a.status, a.text)
	}
	eventually(t, func() bool {
		return !c.topicExists(t, c.topics.Rows("customers")) && !c.topicExists(t, c.topics.Records("customers"))
	})
	c.apply(customers)
	a = c.do("DELETE", "/v1/imports/customers?topics=keep", "", "If-Match", "*")
	if a.status != http.StatusOK || !strings.Contains(a.text, `"removed":[]`) || !c.topicExists(t, c.topics.Rows("customers")) {
		t.Errorf("kept = %d %s", a.status, a.text)
	}
}

// TestResends: which runs may be sent again, and that events are counted exactly.
func TestResends(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, purchases)
	run := func(n int, state string, epoch int, loaded int64) schemas.Run {
		return schemas.Run{Run: schemas.RunID("customers", n), Import: "customers", State: state, Epoch: epoch, StartedAt: time.Unix(int64(n), 0), Counts: schemas.Counts{Loaded: loaded}}
	}
	c.produce(c.topics.Runs(), run(1, schemas.StateSucceeded, 1, 5), run(2, schemas.StateSucceeded, 2, 7), run(3, schemas.StateCancelled, 2, 2),
		run(4, schemas.StateSucceeded, 2, 0), run(5, schemas.StateLoading, 2, 1))
	asSent := run(6, schemas.StateSucceeded, 2, 3)
	asSent.Replay = &schemas.Replay{How: schemas.ReplayAsSent}
	c.produce(c.topics.Runs(), asSent)
	c.produce(c.topics.State(), schemas.State{Import: "customers", Generation: 1, Epoch: 2, LastNumber: 6})
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		`{"first":1,"last":1}`: {http.StatusConflict, "other_epoch"}, `{"first":4,"last":4}`: {http.StatusConflict, "nothing_loaded"},
		`{"first":5,"last":5}`: {http.StatusConflict, "in_use"}, `{"first":2,"last":6}`: {http.StatusConflict, "in_use"},
		`{"first":7,"last":7}`: {http.StatusNotFound, "not_found"}, `{"first":6,"last":6}`: {http.StatusConflict, "rows_gone"}, `{"first":3,"last":2}`: {http.StatusUnprocessableEntity, "invalid_request"},
		`{"first":2,"last":4}`: {http.StatusPreconditionRequired, "confirmation_required"},
	} {
		a := c.do("POST", "/v1/imports/customers/resends", body)
		if a.status != want.status || a.body["code"] != want.code {
			t.Errorf("%s = %d %s", body, a.status, a.text)
		}
		if want.code == "confirmation_required" && a.body["repeats"] != 9.0 {
			t.Errorf("the events that are doubled: %v", a.body["repeats"])
		}
	}
}

// TestProductionIsAskedToSendAgain: a backfill, a resend and a planned first run into a
// production account ask for its name, of profiles too, and write nothing before.
func TestProductionIsAskedToSendAgain(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, production, customers)
	c.produce(c.topics.Runs(), schemas.Run{Run: "customers.1", Import: "customers", State: schemas.StateSucceeded, Epoch: 1, StartedAt: time.Unix(1, 0), Counts: schemas.Counts{Loaded: 5}})
	c.produce(c.topics.State(), schemas.State{Import: "customers", Generation: 1, Epoch: 1, LastNumber: 1})
	for path, body := range map[string]string{
		"backfills": `{"from":"2026-11-01","to":"2026-11-02"}`, "resends": `{"first":1,"last":1}`, "planned-runs": `{"at":"2099-01-01T00:00:00Z"}`,
	} {
		for _, query := range []string{"", "?confirm=another"} {
			a := c.do("POST", "/v1/imports/customers/"+path+query, body)
			asked, _ := a.body["confirmation"].(map[string]any)
			if a.status != http.StatusPreconditionRequired || asked["confirm"] != "clevertap" || asked["environment"] != "production" {
				t.Errorf("%s%s = %d %s", path, query, a.status, a.text)
			}
		}
	}
	if n := c.commands("backfill") + c.commands("resend") + c.commands("runAt"); n != 0 {
		t.Errorf("%d commands were written before anybody agreed", n)
	}
}
