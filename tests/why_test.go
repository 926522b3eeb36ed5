package tests

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// whyAnswer is what tests read of what tapline why prints.
type whyAnswer struct {
	Rows []struct {
		Run, Result, Code string
		Row, Record       json.RawMessage
		Uploads           []struct {
			Answered *time.Time
			Answer   string
		}
	}
	Complete  bool
	Snowflake *struct {
		Outcome, QueryID string
		Rows             []struct {
			Row  json.RawMessage
			Runs []struct{ Run, Result string }
			Note string
		}
	}
}

// why asks with the identity on standard input, as people are told to.
func why(t *testing.T, c *harness.Cluster, importName, identity string, flags ...string) (a whyAnswer) {
	t.Helper()
	out, stderr, code := c.Tapline(t, identity+"\n", append([]string{"why", importName, "-", "-o", "json"}, flags...)...)
	if err := json.Unmarshal([]byte(out), &a); err != nil || code != 0 || !a.Complete {
		t.Fatalf("tapline why: exit code %d, %v\n%s\n%s", code, err, out, stderr)
	}
	return a
}

// TestWhyReadsSnowflake: rows that a run has left out as unchanged, still rejected or in the
// future are told from what Snowflake has, which is read by one statement that binds the
// identity.
func TestWhyReadsSnowflake(t *testing.T) {
	t.Parallel()
	path, _ := customers(t, 60)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	c.ApplyText(t, definition("customers"))
	c.Close(t, c.Trigger(t, "customers"), time.Minute)
	c.Warehouse(t).Exec(t, `insert into SHOP.PUBLIC.CUSTOMERS (CUSTOMER_ID, NAME, EMAIL, AGE, SPEND, UPDATED_AT) values ('later', 'L', 'l@example.com', 30, 1.5, '2099-01-01 00:00:00')`)
	run := c.Close(t, c.Trigger(t, "customers"), time.Minute)
	if run.Counts.Unchanged == 0 || run.Counts.StillRejected != 1 || run.Counts.Future != 1 {
		t.Fatalf("the second run: %+v", run.Counts)
	}
	before := len(c.Statements(t))
	for identity, want := range map[string][]string{
		"c59":    {"customers.1 loaded", "customers.2 unchanged"},
		"c57":    {"customers.1 rejected", "customers.2 stillRejected"},
		"c1":     {"customers.1 loaded"}, // the second run does not read as far back
		"later":  {"customers.1 notRead", "customers.2 future", "no run has taken it yet; the next one reads it, and takes it once its clock has come near its cursor"},
		"nobody": nil,
	} {
		a := why(t, c, "customers", identity, "--snowflake")
		if a.Snowflake == nil || a.Snowflake.Outcome != "read" || a.Snowflake.QueryID == "" {
			t.Fatalf("why %s: %+v", identity, a.Snowflake)
		}
		var got []string
		for _, r := range a.Snowflake.Rows {
			for _, in := range r.Runs {
				got = append(got, in.Run+" "+in.Result)
			}
			if r.Note != "" {
				got = append(got, r.Note)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("why %s (-want +got):\n%s", identity, diff)
		}
	}
	asked := windows(c.Statements(t)[before:])
	if text := strings.Join(asked, "\n"); len(asked) != 5 || strings.Contains(text, "c57") || strings.Contains(text, "later") {
		t.Errorf("Snowflake ran %d statements for 5 questions:\n%s", len(asked), text)
	}
	if out, _, code := c.Tapline(t, "c59\n", "why", "customers", "-", "--snowflake"); code != 0 || !strings.Contains(out, "run customers.2: unchanged (its values are those of customers.1") {
		t.Errorf("tapline why: exit code %d\n%s", code, out)
	}
}

// TestWhyOfAKilledAndRepairedRun: extractor, mapper and loader are killed in the middle of a
// run, whose result is then changed at CleverTap and repaired. Of 200 people at random each is
// explained as CleverTap and the table say.
func TestWhyOfAKilledAndRepairedRun(t *testing.T) {
	t.Parallel()
	const n, people, planted = 12_000, 200, 20
	path, _ := customers(t, n)
	c := harness.Start(t, harness.Options{Separate: true, DevArgs: []string{"--load", table + "=" + path}})
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":500,"share":1}]}`)
	c.ApplyText(t, definition("customers"))
	name := c.Trigger(t, "customers")
	c.Await(t, name, time.Minute, "rows are read and wait to be loaded", inTheMiddle)
	for _, service := range []string{"extractor", "mapper", "loader"} {
		c.Services[service].Kill()
		c.Services[service].Start(t)
	}
	run := c.Close(t, name, 3*time.Minute)
	c.Faults(t, `{"faults":[]}`)

	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 17))
	t.Logf("seed %d; %d records were sent again", seed, run.Counts.Resent)
	chosen := random.Perm(n)
	chosen = slices.DeleteFunc(chosen, func(i int) bool { return i%100 == 13 })[:people] // those have no identity
	var records, list []string
	for _, i := range chosen {
		if i%50 != 7 && len(records) < planted {
			records = append(records, fmt.Sprintf(`{"type":"profile","identity":"c%d","profileData":{"spend":77777}}`, i))
			list = append(list, fmt.Sprintf("c%d", i))
		}
	}
	c.Plant(t, records...)
	v, _ := verify(t, c, "customers", "--identities", write(t, c, "people.txt", strings.Join(list, "\n")+"\n"))
	if out, stderr, code := c.Tapline(t, "", "verify", v.Run.Run, "--repair", "--yes"); code != 0 {
		t.Fatalf("repair: exit code %d\n%s\n%s", code, out, stderr)
	}
	c.Close(t, "customers.2", time.Minute)

	for _, i := range chosen {
		identity := fmt.Sprintf("c%d", i)
		want := []string{"customers.1 loaded"}
		switch {
		case i%50 == 7:
			want = []string{"customers.1 rejected email_invalid"}
		case slices.Contains(list, identity):
			want = append(want, "customers.2 loaded")
		}
		if problem := explained(why(t, c, "customers", identity), c.History(t, identity), want, int64(i)); problem != "" {
			t.Errorf("seed %d: %s", seed, problem)
		}
	}
}

// explained says what is wrong with what is told of the i-th customer, who had an outcome in
// each run; rows of an attempt that was given up have another one before it.
func explained(a whyAnswer, history []json.RawMessage, want []string, i int64) string {
	var got []string
	for _, r := range a.Rows {
		var row struct {
			ID   string `json:"CUSTOMER_ID"`
			Name string `json:"NAME"`
		}
		if err := json.Unmarshal(r.Row, &row); err != nil || row.ID != fmt.Sprintf("c%d", i) || row.Name != fmt.Sprintf("Customer %d", i) {
			return fmt.Sprintf("a row of c%d is %s", i, r.Row)
		}
		if r.Result == "skipped" && r.Code == schemas.SkipClosed {
			continue
		}
		got = append(got, strings.TrimSpace(r.Run+" "+r.Result+" "+r.Code))
		taken := slices.ContainsFunc(history, func(h json.RawMessage) bool { return sameJSON(h, r.Record) })
		if loaded := r.Result == "loaded"; loaded != taken {
			return fmt.Sprintf("c%d: CleverTap has its record %v, and it is told as %s", i, taken, r.Result)
		}
		if r.Result == "loaded" && !slices.ContainsFunc(r.Uploads, func(u struct {
			Answered *time.Time
			Answer   string
		}) bool {
			return u.Answered != nil && u.Answer == "CleverTap took the record"
		}) {
			return fmt.Sprintf("c%d was loaded by no upload: %+v", i, r.Uploads)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Sprintf("c%d (-want +got):\n%s", i, diff)
	}
	return ""
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}
