package importcenter

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// planned is the answer of /v1/plan.
type planned struct {
	Plan    string
	Refused bool
	Changes []struct {
		Kind, Name, Outcome string
		Generation          int
		Fields              []struct{ Op, Path string }
		Consequences        []struct {
			About, Text string
			Refused     bool
		}
	}
	Warnings []struct {
		Code    string
		Imports []string
		Text    string
	}
}

func (c *center) plan(body string) (p planned) {
	c.t.Helper()
	a := c.do("POST", "/v1/plan", body)
	if a.status != http.StatusOK {
		c.t.Fatalf("plan = %d %s", a.status, a.text)
	}
	if err := json.Unmarshal([]byte(a.text), &p); err != nil {
		c.t.Fatal(err)
	}
	return p
}

func set(documents ...string) string { return `{"documents":[` + strings.Join(documents, ",") + `]}` }

// texts are the consequences of one change.
func (p planned) texts(name string) string {
	var out []string
	for _, c := range p.Changes {
		for _, consequence := range c.Consequences {
			if c.Name == name {
				out = append(out, consequence.Text)
			}
		}
	}
	return strings.Join(out, "\n")
}

// TestPlanIsWhatApplyDoes: a plan writes nothing; apply of the plan does what it says,
// and is refused once that would be something else.
func TestPlanIsWhatApplyDoes(t *testing.T) {
	t.Parallel()
	c := start(t)
	before := c.written()
	p := c.plan(set(connection, account, customers))
	var outcomes []string
	for _, change := range p.Changes {
		outcomes = append(outcomes, change.Name+" "+change.Outcome)
	}
	if diff := cmp.Diff([]string{"warehouse created", "clevertap created", "customers created"}, outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if text := p.texts("customers"); !strings.Contains(text, "the topic "+c.topics.Rows("customers")+" is made, with 2 partitions") {
		t.Errorf("consequences:\n%s", text)
	}
	if diff := cmp.Diff(before, c.written()); diff != "" {
		t.Errorf("the plan has written (-before +after):\n%s", diff)
	}
	apply := func(digest string, documents ...string) answer {
		return c.do("POST", "/v1/apply", strings.TrimSuffix(set(documents...), "}")+`,"plan":"`+digest+`"}`)
	}
	if a := apply(p.Plan, connection, account, customers); a.status != http.StatusOK {
		t.Fatalf("apply of the plan = %d %s", a.status, a.text)
	}
	changed := strings.Replace(customers, "Email", "email", 1)
	first := c.plan(set(changed))
	var fields []string
	for _, f := range first.Changes[0].Fields {
		fields = append(fields, f.Op+" "+f.Path)
	}
	if diff := cmp.Diff([]string{"remove spec.mapping[Email].from", "remove spec.mapping[Email].to", "add spec.mapping[email].from", "add spec.mapping[email].to"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	c.apply(strings.Replace(customers, "select *", "select a", 1))
	before = c.written()
	if a := apply(first.Plan, changed); a.status != http.StatusPreconditionFailed || a.body["code"] != "changed_meanwhile" {
		t.Errorf("apply of an old plan = %d %s", a.status, a.text)
	}
	if diff := cmp.Diff(before, c.written()); diff != "" {
		t.Errorf("it has written (-before +after):\n%s", diff)
	}
	if p := c.plan(set(connection)); p.Changes[0].Outcome != "unchanged" || len(p.Changes[0].Fields) > 0 {
		t.Errorf("what does not change is planned as %+v", p.Changes[0])
	}
}

// TestPlanTellsWhatItCauses: in words and figures.
func TestPlanTellsWhatItCauses(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	c.produce(c.topics.State(), schemas.State{Import: "customers", Epoch: 1, LastNumber: 3, Loaded: 2_100_000, Watermark: "2026-11-23T09:00:00Z", Generation: 1})
	eventually(t, func() bool {
		return strings.Contains(c.plan(set(strings.Replace(customers, "select *", "select a", 1))).texts("customers"), "million")
	})
	for name, tt := range map[string]struct {
		old, now, want string
		refused        bool
	}{
		"a query":      {"select *", "select a", "new query: a new epoch begins, and the next run reads everything again, about 2.1 million rows, 2,100 calls, 28 s at the account's slots", false},
		"an identity":  {`"column":"CUSTOMER_ID"`, `"column":"ID"`, "new identity: a new epoch begins", false},
		"a mapping":    {"EMAIL -> Email", "MAIL -> Email", "mapping: the rows of the next run's window are sent again", false},
		"no cursor":    {`,"cursor":{"column":"UPDATED_AT"}`, "", "new cursor: a new epoch begins", false},
		"partitions":   {`"partitions":2`, `"partitions":3`, "refused while rows are in the topics", true},
		"a retention":  {`"partitions":2`, `"partitions":2,"rowsRetention":"2d"`, "tapline topics apply", false},
		"a schedule":   {`"mapping"`, `"schedules":[{"every":"6h"}],"mapping"`, "next at 20", false},
		"a new import": {`"name":"customers"`, `"name":"orders"`, "its first run reads everything", false},
	} {
		changed := strings.Replace(customers, tt.old, tt.now, 1)
		p := c.plan(set(changed))
		if text := p.texts(p.Changes[0].Name); !strings.Contains(text, tt.want) || p.Refused != tt.refused {
			t.Errorf("%s: refused %v, says\n%s\nwant %s", name, p.Refused, text, tt.want)
		}
		if a := c.do("POST", "/v1/apply", set(changed)); tt.refused != (a.status == http.StatusConflict) {
			t.Errorf("%s: apply = %d %s", name, a.status, a.text)
		}
		c.apply(customers)
	}
	owner := c.plan(set(strings.Replace(customers, `{"name":"customers"}`, `{"name":"customers","owner":"growth"}`, 1)))
	if text := owner.texts("customers"); text != "" {
		t.Errorf("another owner causes %s", text)
	}
}

// TestPlanRefusesWhatApplyRefuses: with the same words.
func TestPlanRefusesWhatApplyRefuses(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, body := range []string{
		set(account, customers),
		set(strings.Replace(connection, "ref+env://PW", "hunter2", 1)),
		`{"documents":[` + connection + `],"managedBy":{"tool":"svn","source":"https://x.example.com"}}`,
		`{"documents":[` + connection + `],"managedBy":{"tool":"git","source":"https://me:secret@x.example.com"}}`,
		`{"documents":[` + connection + `],"managedBy":{"tool":"git","source":"nowhere"}}`,
	} {
		applied, planned := c.do("POST", "/v1/apply", body), c.do("POST", "/v1/plan", body)
		if planned.status != http.StatusUnprocessableEntity || planned.body["detail"] != applied.body["detail"] {
			t.Errorf("plan = %d %s, apply = %d %s", planned.status, planned.text, applied.status, applied.text)
		}
		if strings.Contains(planned.text, "secret@") {
			t.Errorf("the refusal quotes a password: %s", planned.text)
		}
	}
}

// TestPlanWarns: of what an account's imports do together.
func TestPlanWarns(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.CheckTimeout, cfg.Schedules.MinInterval = 0, time.Minute })
	event := func(name, event, mapping string) string {
		s := strings.Replace(customers, `"name":"customers"`, `"name":"`+name+`"`, 1)
		s = strings.Replace(s, `"type":"profile"`, `"type":"event","event":{"name":"`+event+`"}`, 1)
		return strings.Replace(s, `"EMAIL -> Email"`, mapping, 1)
	}
	profile := func(name, mapping string) string {
		return strings.Replace(strings.Replace(customers, `"name":"customers"`, `"name":"`+name+`"`, 1), `"EMAIL -> Email"`, mapping, 1)
	}
	c.apply(connection, account, profile("people", `{"from":"PLAN","to":"plan","type":"string"}`))
	codes := func(documents ...string) (out []string) {
		for _, w := range c.plan(set(documents...)).Warnings {
			out = append(out, w.Code+" "+strings.Join(w.Imports, ","))
		}
		return out
	}
	many := func(n int) string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = `"C` + strings.Repeat("x", i) + `"`
		}
		return strings.Join(lines, ",")
	}
	for name, tt := range map[string]struct {
		documents []string
		want      []string
	}{
		"nothing odd":              {[]string{profile("more", `{"from":"PLAN","to":"plan","type":"string"}`)}, nil},
		"two types":                {[]string{profile("more", `{"from":"PLAN","to":"plan","type":"integer"}`)}, []string{"property_types_differ more,people"}},
		"alike":                    {[]string{profile("more", `{"from":"PLAN","to":"Pl an"}`)}, []string{"names_alike more,people"}},
		"events without profiles":  {[]string{event("orders", "Order", `"A -> a"`)}, []string{"event_without_after orders"}},
		"a draft sends nothing":    {[]string{strings.Replace(profile("more", `{"from":"PLAN","to":"plan","type":"integer"}`), `"spec":{`, `"spec":{"draft":true,`, 1)}, nil},
		"events after profiles":    {[]string{strings.Replace(event("orders", "Order", `"A -> a"`), `"mapping"`, `"after":["people"],"mapping"`, 1)}, nil},
		"events alike":             {[]string{event("a", "Order Paid", `"A -> a"`), event("b", "orderpaid", `"A -> a"`)}, []string{"event_without_after a", "event_without_after b", "names_alike a,b"}},
		"one event, two types":     {[]string{event("a", "Order", `{"from":"A","to":"a","type":"string"}`), event("b", "Order", `{"from":"A","to":"a","type":"integer"}`)}, []string{"event_without_after a", "event_without_after b", "property_types_differ a,b"}},
		"properties of one event":  {[]string{event("a", "Order", many(60)), event("b", "Order", strings.ReplaceAll(many(60), "C", "D"))}, []string{"event_without_after a", "event_without_after b", "too_many_event_properties a,b"}},
		"every minute":             {[]string{profile("more", `{"from":"A","to":"a"}],"schedules":[{"every":"1m"}`)}, []string{"schedule_short more"}},
		"a cron of ten minutes":    {[]string{profile("more", `{"from":"A","to":"a"}],"schedules":[{"cron":"*/10 * * * *"}`)}, []string{"schedule_short more"}},
		"a quarter of an hour":     {[]string{profile("more", `{"from":"A","to":"a"}],"schedules":[{"every":"15m"}`)}, nil},
		"two schedules, close by":  {[]string{profile("more", `{"from":"A","to":"a"}],"schedules":[{"cron":"0 6 * * *"},{"cron":"5 6 * * *"}`)}, []string{"schedule_short more"}},
		"another kind of property": {[]string{profile("more", `{"from":"PLAN","to":"planned","type":"integer"}`)}, nil},
	} {
		if diff := cmp.Diff(tt.want, codes(tt.documents...)); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", name, diff)
		}
	}
}

// TestPlanTellsTheOrderOfEvents: plan and apply say, once, that events do not arrive in
// the order of their time, where that column is not the cursor.
func TestPlanTellsTheOrderOfEvents(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account)
	event := func(createdOn, cursor string) string {
		s := strings.Replace(customers, `"type":"profile"`, `"type":"event","event":{"name":"Bought"`+createdOn+`}`, 1)
		return strings.Replace(s, `,"cursor":{"column":"UPDATED_AT"}`, cursor, 1)
	}
	const at, updated = `,"createdOn":{"column":"AT"}`, `,"cursor":{"column":"UPDATED_AT"}`
	for name, tt := range map[string]struct{ document, want string }{
		"profiles":         {customers, ""},
		"no createdOn":     {event("", updated), ""},
		"it is the cursor": {event(at, `,"cursor":{"column":"AT"}`), ""},
		"another cursor":   {event(at, updated), "in the order of the cursor, not in the order of AT"},
		"no cursor":        {event(at, ""), "in the order in which Snowflake returns the rows, not in the order of AT"},
	} {
		p := c.plan(set(tt.document))
		if text := p.texts(p.Changes[0].Name); !strings.Contains(text, tt.want) || strings.Contains(text, "order of") != (tt.want != "") {
			t.Errorf("%s: the plan says\n%s\nwant %s", name, text, tt.want)
		}
	}
	if a := c.apply(event(at, updated)); a.status != http.StatusOK || !strings.Contains(a.text, "not in the order of AT") {
		t.Errorf("apply = %d %s", a.status, a.text)
	}
	again := c.plan(set(strings.Replace(event(at, updated), `{"name":"customers"}`, `{"name":"customers","owner":"growth"}`, 1)))
	if text := again.texts("customers"); strings.Contains(text, "order of") {
		t.Errorf("what was said already is said again: %s", text)
	}
}
