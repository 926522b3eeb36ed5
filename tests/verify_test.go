package tests

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// verification is what tests read of what tapline verify prints.
type verification struct {
	Run    schemas.Run
	Whole  bool
	People struct {
		Compared, Equal, Differs, Missing, NotComparable, Unknown, NotInSource int64
	}
	Interval   *struct{ Low, High float64 }
	Properties []struct {
		Property, Reason string
		NotComparable    int64
	}
	Rows []struct {
		Identity, Result string
		Waits            bool
		Values           []struct {
			Property, Result, Reason string
			Ours, Theirs             json.RawMessage
			Sent                     *time.Time
		}
	}
}

// verify runs tapline verify and returns what it found, and its exit code.
func verify(t *testing.T, c *harness.Cluster, args ...string) (v verification, code int) {
	t.Helper()
	out, stderr, code := c.Tapline(t, "", append([]string{"verify", "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("tapline verify %v: exit code %d, %v\n%s\n%s", args, code, err, out, stderr)
	}
	return v, code
}

// TestVerifyFindsAndRepairsExactlyWhatDiffers: of people whom CleverTap holds otherwise, or
// not at all, exactly those are found, with the property; a repair sends exactly those, and
// a second look finds nobody.
func TestVerifyFindsAndRepairsExactlyWhatDiffers(t *testing.T) {
	t.Parallel()
	const n = 700
	path, broken := customers(t, n)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	c.ApplyText(t, definition("customers"))
	c.Close(t, c.Trigger(t, "customers"), time.Minute)
	good := int64(n) - sum(broken)

	v, code := verify(t, c, "customers", "--all")
	if code != 0 || !v.Whole || v.People.Equal != good || len(v.Rows) != 0 {
		t.Fatalf("verify after a run: exit code %d, %+v, %d rows", code, v.People, len(v.Rows))
	}

	want := map[string]string{}
	var planted []string
	for i := 2; i < n; i += 97 {
		id := fmt.Sprintf("c%d", i)
		planted = append(planted, fmt.Sprintf(`{"type":"profile","identity":"%s","profileData":{"spend":%d.5}}`, id, 7000+i))
		want[id] = "differs spend"
	}
	c.Plant(t, planted...)
	w := c.Warehouse(t)
	w.Exec(t, `insert into SHOP.PUBLIC.CUSTOMERS (CUSTOMER_ID, NAME, EMAIL, AGE, SPEND, UPDATED_AT) values ('new1', 'New', 'new1@example.com', 30, 1.5, '2026-01-01 00:00:00')`)
	want["new1"] = "missing"

	v, code = verify(t, c, "customers", "--all")
	if diff := cmp.Diff(want, found(v)); diff != "" || code != 3 {
		t.Fatalf("verify after differences were planted: exit code %d (-want +got)\n%s", code, diff)
	}
	for _, r := range v.Rows {
		for _, value := range r.Values {
			if value.Result == "differs" && (value.Sent == nil || value.Sent.After(v.Run.StartedAt)) {
				t.Errorf("%s of %s was last sent at %v; the verification began at %s", value.Property, r.Identity, value.Sent, v.Run.StartedAt)
			}
		}
	}
	before := c.Stats(t)
	statements := len(windows(c.Statements(t)))
	if out, stderr, code := c.Tapline(t, "", "verify", v.Run.Run, "--repair", "--yes"); code != 0 {
		t.Fatalf("repair: exit code %d\n%s\n%s", code, out, stderr)
	}
	run := c.Close(t, "customers.2", time.Minute)
	sent := int64(len(want))
	if counts := (schemas.Counts{Read: sent, Extracted: sent, Mapped: sent, Loaded: sent}); run.Mode != schemas.ModeRepair || run.Counts != counts || run.WatermarkTo != "" {
		t.Errorf("the repair: %s, %+v, watermark %q", run.Mode, run.Counts, run.WatermarkTo)
	}
	if after := c.Stats(t); after.Records-before.Records != sent {
		t.Errorf("the repair sent %d records, want %d", after.Records-before.Records, sent)
	}
	if got := len(windows(c.Statements(t))) - statements; got != 1 {
		t.Errorf("the repair read Snowflake with %d statements, want 1", got)
	}
	if v, code := verify(t, c, "customers", "--all"); code != 0 || len(v.Rows) != 0 || v.People.Equal != good+1 {
		t.Errorf("verify after the repair: exit code %d, %+v, %+v", code, v.People, v.Rows)
	}
	verifySome(t, c)
	verifyRefusals(t, c, v.Run.Run)
}

// found is who was found, with the properties that differ.
func found(v verification) map[string]string {
	out := map[string]string{}
	for _, r := range v.Rows {
		text := r.Result
		for _, value := range r.Values {
			if value.Result == "differs" {
				text += " " + value.Property
			}
		}
		out[r.Identity] = text
	}
	return out
}

// verifySome: a list of people, and a sample with its interval.
func verifySome(t *testing.T, c *harness.Cluster) {
	t.Helper()
	c.Plant(t, `{"type":"profile","identity":"c5","profileData":{"spend":1}}`)
	v, code := verify(t, c, "customers", "--identities", write(t, c, "people.txt", "c5\nc6\n c8 \nnobody\n"))
	if diff := cmp.Diff(map[string]string{"c5": "differs spend"}, found(v)); diff != "" || code != 3 || v.People.Compared != 3 || v.People.NotInSource != 1 || v.Interval != nil {
		t.Errorf("verify of a list: exit code %d, %+v (-want +got)\n%s", code, v.People, diff)
	}
	v, _ = verify(t, c, "customers", "--rows", "50")
	if v.Whole || v.People.Compared < 40 || v.People.Compared > 50 || v.Interval == nil || v.Interval.Low > 0.03 || v.Interval.High < 0.03 {
		t.Errorf("verify of a sample: %+v, %+v", v.People, v.Interval)
	}
	if text := strings.Join(c.Statements(t), "\n"); strings.Contains(text, "c5") || strings.Contains(text, "nobody") {
		t.Error("an identity is in the text of a statement")
	}
}

// verifyRefusals: what cannot be verified or repaired says why.
func verifyRefusals(t *testing.T, c *harness.Cluster, repaired string) {
	t.Helper()
	dry, _, _ := c.Tapline(t, "", "dryrun", "customers", "--rows", "5", "-o", "json")
	var d struct{ Run schemas.Run }
	if err := json.Unmarshal([]byte(dry), &d); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"custmers"}, "customers"},
		{[]string{"customers.d999"}, "customers.d999"},
		{[]string{d.Run.Run}, "looked nobody up"},
		{[]string{"customers", "--all", "--identities", "-"}, "exclude each other"},
		{[]string{"customers", "--identities", write(t, c, "none.txt", "\n")}, "no identity"},
	} {
		if _, stderr, code := c.Tapline(t, "", append([]string{"verify"}, tt.args...)...); code == 0 || !strings.Contains(stderr, tt.want) {
			t.Errorf("tapline verify %v: exit code %d, %s", tt.args, code, stderr)
		}
	}
	if _, stderr, code := c.Tapline(t, "", "dryrun", repaired, "--sync"); code == 0 {
		t.Errorf("the sample of a verification was sent: %s", stderr)
	}
}

// TestVerifySaysWhatCannotBeCompared: operators, hashes, properties of several imports,
// and the counts of events.
func TestVerifySaysWhatCannotBeCompared(t *testing.T) {
	t.Parallel()
	path, _ := customers(t, 20)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	text := strings.Replace(definition("customers"), "    - {from: SPEND, to: spend}\n",
		"    - {from: SPEND, to: spend}\n    - {from: NAME, to: tags, op: add}\n    - {from: EMAIL, to: digest, transform: sha256}\n", 1)
	c.ApplyText(t, text)
	c.ApplyText(t, strings.Replace(definition("others"), "spend}", "SPEND}", 1))
	purchases := strings.Replace(strings.Replace(definition("purchases"), "type: profile", "type: event, event: {name: Bought, createdOn: {column: UPDATED_AT}}", 1), "    - NAME -> Name\n    - EMAIL -> Email\n    - AGE -> Age\n", "", 1)
	c.ApplyText(t, purchases)
	c.Close(t, c.Trigger(t, "customers"), time.Minute)
	c.Close(t, c.Trigger(t, "purchases"), time.Minute)
	c.Plant(t, `{"type":"profile","identity":"c3","profileData":{"spend":1,"digest":"x","Name":"Y"}}`)

	v, code := verify(t, c, "customers", "--all")
	if code != 0 || len(v.Rows) != 0 {
		t.Fatalf("exit code %d, %+v", code, v.Rows)
	}
	got := map[string]string{}
	for _, p := range v.Properties {
		got[p.Property] = fmt.Sprintf("%d not comparable: %s", p.NotComparable, p.Reason)
	}
	want := map[string]string{
		"Name": "1 not comparable: also written by others", "spend": "1 not comparable: also written by others",
		"Email": "0 not comparable: ", "Age": "0 not comparable: ",
		"tags":   "18 not comparable: an operator changes what CleverTap holds; the value is not set",
		"digest": "1 not comparable: a hash is sent, and CleverTap may keep another form of it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	v, code = verify(t, c, "purchases", "--all")
	if code != 0 || v.People.Differs+v.People.Missing != 0 || v.People.Equal == 0 {
		t.Errorf("verify of events: exit code %d, %+v", code, v.People)
	}
	c.Warehouse(t).Exec(t, `insert into SHOP.PUBLIC.CUSTOMERS (CUSTOMER_ID, NAME, EMAIL, AGE, SPEND, UPDATED_AT) values ('c4', 'New', 'c4@example.com', 30, 1.5, '2026-01-01 00:00:00')`)
	v, code = verify(t, c, "purchases", "--all")
	if diff := cmp.Diff(map[string]string{"c4": "missing"}, found(v)); diff != "" || code != 3 {
		t.Errorf("verify of an event that was not sent: exit code %d (-want +got)\n%s", code, diff)
	}
	if _, stderr, code := c.Tapline(t, "", "verify", v.Run.Run, "--repair", "--yes"); code != 1 || !strings.Contains(stderr, "tapline backfill") {
		t.Errorf("events were repaired: exit code %d, %s", code, stderr)
	}
	if slices.ContainsFunc(c.Statements(t), func(s string) bool { return strings.Contains(s, "c4@") && !strings.Contains(s, "insert") }) {
		t.Error("a value is in the text of a statement")
	}
}
