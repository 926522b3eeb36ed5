package tests

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// mistakes is a definition with one mistake of each kind that shows without a row,
// and what apply says of each line.
const mistakes = `apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: mistakes}
spec:
  source:
    connectionRef: warehouse
    query: select *, cast('2026-01-01' as date) as JOINED from SHOP.PUBLIC.CUSTOMERS
    cursor: {column: CHANGED_AT}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: SPEND}
  mapping:
    - NAMES -> Name
    - {from: UPDATED_AT, to: visits, type: integer}
    - {from: NAME, to: plan tier}
    - {from: EMAIL, to: Plan Tier}
    - {from: EMAIL, to: "bad$name"}
    - {from: JOINED, to: joined, type: date, format: yyyy/MM/dd}
    - {from: AGE, to: age group, type: number}
    - {from: NAME, to: hash, transform: sha256, op: incr}
    - {to: vip, expr: 'SPEND >', type: boolean}
    - {to: nothing}
    - {from: NAME, to: greeting, onNull: default}
`

var mistakesAt = map[string]string{
	"8:": "CHANGED_AT", "10:": "SPEND", "12:": "NAMES", "13:": "UPDATED_AT", "15:": "target", "16:": "takes none of",
	"17:": "format", "18:": "number", "19:": "counted up", "20:": "", "21:": "exactly one", "22:": "default",
}

// TestTryingAnImport does what a data engineer does: preview, map, apply, dry run, sync,
// run.
func TestTryingAnImport(t *testing.T) {
	t.Parallel()
	const n = 2_000
	path, broken := customers(t, n)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	if out, code := c.CLI(t, "connection", "test", "warehouse"); code != 0 || !strings.Contains(out, "TAPLINE_WH") || strings.Contains(out, "warning") {
		t.Errorf("tapline connection test: exit code %d\n%s", code, out)
	}
	if out, code := c.CLI(t, "connection", "test", "nowhere"); code != 1 || out != "" {
		t.Errorf("tapline connection test nowhere: exit code %d\n%s", code, out)
	}
	if out, code := c.CLI(t, "account", "test", "clevertap"); code != 0 || !strings.Contains(out, "accountId and passcode are accepted") || strings.Contains(out, "warning") {
		t.Errorf("tapline account test: exit code %d\n%s", code, out)
	}
	if out, code := c.CLI(t, "doctor"); code != 3 || strings.Count(out, "running: 1, of version") != 4 || strings.Contains(out, "failed") || strings.Contains(out, "upgrade") {
		// One broker without ACLs is worth a warning; nothing stops work.
		t.Errorf("tapline doctor: exit code %d\n%s", code, out)
	}
	if out, code := c.CLI(t, "account", "test", "nowhere"); code != 1 || out != "" {
		t.Errorf("tapline account test nowhere: exit code %d\n%s", code, out)
	}
	file := write(t, c, "customers.yaml", definition("customers"))

	columns, _, code := c.Tapline(t, "", "preview", "-f", file, "-o", "json")
	rows, _, code2 := c.Tapline(t, "", "preview", "-f", file, "--rows", "20", "-o", "rows")
	if code != 0 || code2 != 0 || strings.Count(rows, "\n") != 20 {
		t.Fatalf("previews of what is not applied: exit codes %d and %d, rows\n%s", code, code2, rows)
	}
	mapped, _, code := c.Tapline(t, rows, "map", "-f", file, "--rows", "-", "--columns", write(t, c, "columns.json", columns))
	if code != harnessRejects || strings.Count(mapped, `"record"`)+strings.Count(mapped, `"reject"`) != 20 {
		t.Errorf("mapping the previewed rows: exit code %d\n%s", code, mapped)
	}

	refuseMistakes(t, c)
	estimateShares(t, c, n)
	c.Apply(t, file)
	before := c.Stats(t)
	sample := tryOut(t, c, broken)
	after := c.Stats(t)
	before.Uploads, before.MaxInFlight = after.Uploads, after.MaxInFlight // requests, whatever they leave
	if after != before {
		t.Errorf("a dry run left something behind: %+v, before %+v", after, before)
	}
	if out, _, _ := c.Tapline(t, "", "get", "imports", "-o", "json"); !strings.Contains(out, `"watermark": ""`) || !strings.Contains(out, `"health": null`) || strings.Contains(out, `"lastRun"`) {
		t.Errorf("a dry run shows in the listing: %s", out)
	}
	sendSample(t, c, sample)

	run := c.Close(t, c.Trigger(t, "customers"), time.Minute)
	if run.State != schemas.StateSucceededWithRejects || run.Mode != schemas.ModeFull || run.Counts.Read != n {
		t.Errorf("the run after a sync is %+v", run)
	}
	if _, stderr, code := c.Tapline(t, "", "dryrun", "customers.d1", "--sync"); code != 1 || !strings.Contains(stderr, "cannot be sent any more") {
		t.Errorf("a sample older than a run: exit code %d, %s", code, stderr)
	}
}

// harnessRejects is the exit code that says that rows were rejected.
const harnessRejects = 3

func write(t *testing.T, c *harness.Cluster, name, text string) string {
	t.Helper()
	path := filepath.Join(c.Dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refuseMistakes: apply and map name every mistake of a file at once, by line.
func refuseMistakes(t *testing.T, c *harness.Cluster) {
	t.Helper()
	file := write(t, c, "mistakes.yaml", mistakes)
	_, applied, code := c.Tapline(t, "", "apply", "-f", file)
	if code != 4 {
		t.Fatalf("applying mistakes: exit code %d\n%s", code, applied)
	}
	columns, _, _ := c.Tapline(t, "", "preview", "-f", write(t, c, "plain.yaml", definition("plain")), "-o", "json")
	_, mapped, code := c.Tapline(t, "", "map", "-f", file, "--rows", "-", "--columns", write(t, c, "columns.json", columns))
	if code != 4 {
		t.Fatalf("mapping mistakes: exit code %d\n%s", code, mapped)
	}
	for at, want := range mistakesAt {
		for command, text := range map[string]string{"apply": applied, "map": mapped} {
			if command == "map" && (at == "8:" || at == "17:") {
				continue // the cursor is none of the mapping's, and its columns lack JOINED
			}
			if !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
				return strings.HasPrefix(line, file+":"+at) && strings.Contains(line, want)
			}) {
				t.Errorf("%s does not name the mistake in line %s %q:\n%s", command, at, want, text)
			}
		}
	}
	if out, _, _ := c.Tapline(t, "", "get", "imports"); strings.Contains(out, "mistakes") {
		t.Errorf("an import with mistakes was applied:\n%s", out)
	}
}

// shownRow is a line of dryrun -o rows.
type shownRow struct {
	Row     struct{ CUSTOMER_ID, EMAIL string }
	Record  json.RawMessage
	Profile string
	Rejects []struct{ Code string }
}

// tryOut makes a dry run and returns the records that it shows.
func tryOut(t *testing.T, c *harness.Cluster, broken map[string]int64) (records []string) {
	t.Helper()
	const rows = 1000
	out, stderr, code := c.Tapline(t, "", "dryrun", "customers", "--rows", "1000", "-o", "rows")
	if code != harnessRejects {
		t.Fatalf("dryrun: exit code %d\n%s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != rows {
		t.Fatalf("%d rows are shown, want %d", len(lines), rows)
	}
	wants := []string{"email_invalid", "2,000 rows", "nothing was stored"}
	for _, line := range lines {
		var row shownRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		for _, reject := range row.Rejects {
			wants = append(wants, reject.Code)
		}
		switch {
		case row.Record == nil:
			if len(row.Rejects) == 0 || broken[row.Rejects[0].Code] == 0 {
				t.Errorf("a row without a record and without a reason: %s", line)
			}
		case row.Profile != schemas.ProfileNew || len(row.Rejects) > 0:
			t.Errorf("a record of a profile that is not there yet: %s", line)
		default:
			records = append(records, string(row.Record))
		}
	}
	text, _, _ := c.Tapline(t, "", "dryrun", "customers.d1")
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("the result does not say %q:\n%s", want, text)
		}
	}
	runs, _, _ := c.Tapline(t, "", "get", "runs")
	dry, _, _ := c.Tapline(t, "", "get", "runs", "--dry")
	if strings.Contains(runs, "customers.") || !strings.Contains(dry, "customers.d1") {
		t.Errorf("runs:\n%s\ndry runs:\n%s", runs, dry)
	}
	return records
}

// estimateShares: 40 % of the rows have a placeholder as their identity, and the
// estimate says so, though it is one and the same identity.
func estimateShares(t *testing.T, c *harness.Cluster, n int) {
	t.Helper()
	text := strings.Replace(definition("denied"), "query: select * from SHOP.PUBLIC.CUSTOMERS",
		"query: select iff(mod(AGE, 5) < 2, 'N/A', CUSTOMER_ID) as CUSTOMER_ID, NAME, 'a@example.com' as EMAIL, AGE, SPEND, UPDATED_AT from SHOP.PUBLIC.CUSTOMERS", 1)
	c.Apply(t, write(t, c, "denied.yaml", text))
	out, stderr, code := c.Tapline(t, "", "dryrun", "denied", "-o", "json")
	var shown struct {
		Estimate struct{ Rows, Records int }
	}
	if err := json.Unmarshal([]byte(out), &shown); err != nil || code != harnessRejects {
		t.Fatalf("exit code %d (%v)\n%s%s", code, err, out, stderr)
	}
	// The estimate from a sample of 1,000 of 2,000 rows is wrong by more than 110 once in a
	// million times. One in a hundred of the other identities is a placeholder too.
	e, want := shown.Estimate, n*6/10-n*6/1000
	if e.Rows != n || e.Records < want-110 || e.Records > want+110 {
		t.Errorf("the estimate is %+v, want about %d records of %d rows", e, want, n)
	}
}

// sendSample: a sync sends byte for byte what was shown, and nothing else.
func sendSample(t *testing.T, c *harness.Cluster, shown []string) {
	t.Helper()
	if _, stderr, code := c.Tapline(t, "", "dryrun", "customers.d1", "--sync"); code != harnessRejects {
		t.Fatalf("dryrun --sync: exit code %d\n%s", code, stderr)
	}
	run, ok := c.Run(t, "customers.1")
	if !ok || run.Mode != schemas.ModeSync || run.State != schemas.StateSucceeded || run.Counts.Loaded != int64(len(shown)) || run.WatermarkTo != "" {
		t.Errorf("the sync is %+v, want %d records", run, len(shown))
	}
	var produced, received []string
	for p := range int32(6) {
		produced = append(produced, values(t, c, schemas.NewTopics(c.Kafka().Prefix).Records("customers"), p)...)
	}
	for _, record := range shown {
		var r struct{ Identity string }
		if err := json.Unmarshal([]byte(record), &r); err != nil {
			t.Fatal(err)
		}
		received = append(received, taken(t, c, r.Identity)...)
	}
	slices.Sort(shown)
	for name, got := range map[string][]string{"the records topic": produced, "CleverTap": received} {
		slices.Sort(got)
		if diff := cmp.Diff(shown, got); diff != "" {
			t.Errorf("%s holds other records than were shown (-shown +got):\n%s", name, diff)
		}
	}
}

// values returns the values of a partition's records.
func values(t *testing.T, c *harness.Cluster, topic string, partition int32) (out []string) {
	t.Helper()
	reader, err := kafka.OpenReader(c.Kafka(), kafka.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := reader.ReadTo(t.Context(), kafka.TP{Topic: topic, Partition: partition}, 0, func(r *kafka.Record) error {
		out = append(out, string(r.Value))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// taken returns the records that the sandbox CleverTap accepted for an identity.
func taken(t *testing.T, c *harness.Cluster, identity string) (out []string) {
	t.Helper()
	res, err := http.Get(c.Endpoints.CleverTap.URL + "/sandbox/v1/history?identity=" + url.QueryEscape(identity))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Items []struct{ Record json.RawMessage }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, item := range answer.Items {
		out = append(out, string(item.Record))
	}
	return out
}
