package loader

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// TestATakeoverInheritsPausesOfAccountsOnly: an extractor reports that a run waits for its
// connection under the same kind. That is no account, and ends no account's pause.
func TestATakeoverInheritsPausesOfAccountsOnly(t *testing.T) {
	t.Parallel()
	account := schemas.Waiting{Account: "main", Reason: "CleverTap cannot be reached"}
	accountWorks := account
	accountWorks.Over = true
	connection := schemas.Waiting{Stage: schemas.StageExtract, Account: "warehouse", Reason: "Snowflake cannot be reached"}
	connectionWorks := connection
	connectionWorks.Over = true
	for name, c := range map[string]struct {
		reports []schemas.Waiting
		want    *schemas.Waiting
	}{
		"of an account":                    {[]schemas.Waiting{account}, &account},
		"of an account that has ended":     {[]schemas.Waiting{account, accountWorks}, nil},
		"of a connection":                  {[]schemas.Waiting{connection}, nil},
		"of an account, then a connection": {[]schemas.Waiting{account, connection}, &account},
		"of both, the connection's ended":  {[]schemas.Waiting{account, connection, connectionWorks}, &account},
		"of both, the account's ended":     {[]schemas.Waiting{account, connection, accountWorks}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, waiting := range c.reports {
				waiting.Since = time.Now().UTC()
				w.control(w.topics.Reports(), "customers", "customers", schemas.Report{
					Kind: schemas.ReportWaiting, Import: "customers", Run: "customers.1", Number: 1, Attempt: 1, Time: waiting.Since, Waiting: &waiting,
				})
			}
			tp := kafka.TP{Topic: w.topics.Reports(), Partition: schemas.ControlPartition("customers")}
			m := w.newMember()
			m.reader = w.reader
			earlier := map[string]*earlierReports{"customers": {}}
			if _, err := m.readReports(t.Context(), tp, earlier); err != nil {
				t.Fatal(err)
			}
			var got *schemas.Waiting
			if pause := earlier["customers"].pause; pause != nil {
				got = pause.Waiting
				got.Since = time.Time{}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("inherited pause (-want +got):\n%s", diff)
			}
		})
	}
}
