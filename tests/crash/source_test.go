package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tapline.dev/tests/harness"
)

// source is a table, the import that reads it, and what must arrive at CleverTap.
type source struct {
	name     string // of the import
	table    string
	events   bool
	versions []int // of profiles, by number
	counts   []int // of events, by number: how many equal ones
	counter  int   // of versions
	edits    int   // of the definition
}

// big is beyond what a float64 holds exactly.
const big = "9007199254740993"

// brokenEvery: of so many profiles one has an invalid address, so that its row is rejected.
const brokenEvery = 50

func newSource(t testing.TB, w *harness.Warehouse, name string, events bool, rows int) *source {
	t.Helper()
	s := &source{name: name, table: "SHOP.PUBLIC." + strings.ToUpper(strings.ReplaceAll(name, "-", "_")), events: events}
	if events {
		w.Exec(t, "CREATE TABLE "+s.table+" (ID VARCHAR, EVENT_ID NUMBER(38,0), UPDATED_AT TIMESTAMP_NTZ)")
	} else {
		w.Exec(t, "CREATE TABLE "+s.table+" (N NUMBER(38,0), ID VARCHAR, VERSION NUMBER(38,0), BIG NUMBER(38,0), EMAIL VARCHAR, UPDATED_AT TIMESTAMP_NTZ)")
	}
	s.insert(t, w, rows)
	return s
}

// identity returns the n-th profile's identity.
func (s *source) identity(n int) string { return fmt.Sprintf("%s-%d", s.name, n) }

func (s *source) broken(n int) bool { return n%brokenEvery == brokenEvery-1 }

func stamp() string { return daysAgo(0) }

func daysAgo(n int) string {
	return time.Now().UTC().AddDate(0, 0, -n).Format("2006-01-02 15:04:05.000000")
}

// insert adds rows. Of events every tenth comes twice: two equal purchases are
// two purchases.
func (s *source) insert(t testing.TB, w *harness.Warehouse, rows int) {
	t.Helper()
	s.insertAt(t, w, rows, stamp())
}

// insertAt adds rows that were changed at an instant.
func (s *source) insertAt(t testing.TB, w *harness.Warehouse, rows int, at string) {
	t.Helper()
	var values []string
	for range rows {
		if s.events {
			n := len(s.counts)
			value := fmt.Sprintf("('%s',%d,'%s')", s.identity(n%500), n, at)
			values = append(values, value)
			s.counts = append(s.counts, 1)
			if n%10 == 0 {
				values = append(values, value)
				s.counts[n]++
			}
			continue
		}
		n := len(s.versions)
		email := fmt.Sprintf("user%d@example.com", n)
		if s.broken(n) {
			email = "none"
		}
		values = append(values, fmt.Sprintf("(%d,'%s',0,%s,'%s','%s')", n, s.identity(n), big, email, at))
		s.versions = append(s.versions, 0)
	}
	for len(values) > 0 {
		some := values[:min(1000, len(values))]
		values = values[len(some):]
		w.Exec(t, "INSERT INTO "+s.table+" VALUES "+strings.Join(some, ","))
	}
}

// change adds events, or writes a new version of some profiles.
func (s *source) change(t testing.TB, w *harness.Warehouse, r *rand.Rand) {
	t.Helper()
	if s.events {
		s.insert(t, w, 50+r.IntN(400))
		return
	}
	every := 1 + r.IntN(6)
	s.update(t, w, every, r.IntN(every))
}

// update writes a new version of every n-th profile.
func (s *source) update(t testing.TB, w *harness.Warehouse, every, rest int) {
	t.Helper()
	s.counter++
	w.Exec(t, fmt.Sprintf("UPDATE %s SET VERSION = %d, UPDATED_AT = '%s' WHERE MOD(N, %d) = %d", s.table, s.counter, stamp(), every, rest))
	for n := rest; n < len(s.versions); n += every {
		s.versions[n] = s.counter
	}
}

// definition returns the import's definition. Each edit changes a value that later runs may
// have and earlier runs must not.
func (s *source) definition() string {
	head := fmt.Sprintf(`apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: %s, labels: {edit: "%d"}}
spec:
  source:
    connectionRef: warehouse
    query: select * from %s
    cursor: {column: UPDATED_AT, lookback: 1m}
  identity: {column: ID}
  topic: {partitions: 3}
`, s.name, s.edits, s.table)
	if s.events {
		return head + fmt.Sprintf(`  destination:
    accountRef: clevertap
    type: event
    event: {name: %s, createdOn: {column: UPDATED_AT}}
  mapping:
    - EVENT_ID -> eventId
`, s.name)
	}
	return head + `  destination: {accountRef: clevertap, type: profile}
  mapping:
    - EMAIL -> Email
    - VERSION -> version
    - BIG -> big
`
}
