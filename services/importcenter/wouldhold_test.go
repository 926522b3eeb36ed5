package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestADryRunForetellsAHold: what would keep a run from its first row is seen before, because
// a sync of the sample is not held; what is not mapped, and what the definition lets pass, is
// not spoken of.
func TestADryRunForetellsAHold(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.apply(connection, account, customers)
	columns := fits().Preview.Columns
	before := slices.Clone(columns)
	for i := range before {
		before[i].Type = map[string]string{"TEXT": "VARIANT"}[before[i].Type]
	}
	c.is(schemas.State{Import: "customers", LastNumber: 3, Columns: before, Sizes: map[string][]int64{schemas.ModeFull: {2000, 90_000}}})
	for i, how := range []struct {
		word string
		rows int64
		want []string
	}{
		{"", 900_001, []string{"a run would wait for an approval: column CUSTOMER_ID was VARIANT and is VARCHAR now", "a run would wait for an approval: column EMAIL was VARIANT", "everything would wait for an approval: the result has 900,001 rows, more than 10 times"}},
		{schemas.OnColumnChangeFail, 900_000, []string{"a run would fail: column CUSTOMER_ID was VARIANT and is VARCHAR now", "a run would fail: column EMAIL"}},
		{schemas.OnColumnChangeContinue, 900_000, nil},
	} {
		dry := fmt.Sprintf("customers.d%d", i+1)
		spec := c.spec()
		spec.OnColumnChange = how.word
		c.produceAs(c.topics.Reports(), "customers", schemas.Report{
			Run: dry, Import: "customers", Attempt: 1, Kind: schemas.ReportFinal, Final: &schemas.Final{Extraction: schemas.Extraction{Population: how.rows}},
		})
		c.produceAs(c.topics.Runs(), "customers", schemas.Run{Run: dry, Import: "customers", State: schemas.StateSucceeded, Notes: []string{"a note of the run"}})
		c.produceAs(c.topics.State(), dry, schemas.State{Import: "customers", Sample: &schemas.Sample{Run: dry, Attempt: 1, Spec: spec, TakenAt: time.Now(), Columns: columns}})
		var got struct{ Run struct{ Notes []string } }
		a := c.do("GET", "/v1/dryruns/"+dry, "")
		if err := json.Unmarshal([]byte(a.text), &got); err != nil || a.status != http.StatusOK || len(got.Run.Notes) != 1+len(how.want) {
			t.Fatalf("onColumnChange %q: %d %s", how.word, a.status, a.text)
		}
		for j, want := range how.want {
			if !strings.Contains(got.Run.Notes[1+j], want) {
				t.Errorf("onColumnChange %q: note %q, want %q", how.word, got.Run.Notes[1+j], want)
			}
		}
	}
}
