package schedule_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
)

// TestAllKindsInTenZonesOverThreeYears compares the due instants with those that
// testdata/oracle.py has computed with croniter, dateutil and Python's zoneinfo: crons (of
// days, months, minutes), days of the week and of the month, intervals, single instants and
// several together. Of each quarter of a year it compares how many there are, and a digest
// of them; `oracle.py CASE ZONE` prints the instants.
func TestAllKindsInTenZonesOverThreeYears(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var oracle struct {
		From, To, Anchor time.Time
		Cases            []struct {
			Name      string
			Schedules []schemas.Schedule
			Zones     map[string]map[string]string // by zone and quarter: the count and the digest
		}
	}
	if err := json.Unmarshal(text, &oracle); err != nil {
		t.Fatal(err)
	}
	if len(oracle.Cases) < 20 {
		t.Fatalf("the oracle has %d cases", len(oracle.Cases))
	}
	for _, c := range oracle.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if len(c.Zones) != 10 {
				t.Errorf("the oracle has %d zones", len(c.Zones))
			}
			for i, zone := range slices.Sorted(maps.Keys(c.Zones)) {
				if raced && i >= 2 {
					break
				}
				want := c.Zones[zone]
				cal := schedule.Calendar{Schedules: c.Schedules, Zone: zone, Anchor: oracle.Anchor}
				if diff := cmp.Diff(want, quarters(t, cal, oracle.From, oracle.To)); diff != "" {
					t.Errorf("%s: due instants by quarter (-want +got):\n%s", zone, diff)
				}
			}
		})
	}
}

// quarters counts the due instants of each quarter of a year between two instants, and
// digests them.
func quarters(t *testing.T, cal schedule.Calendar, from, to time.Time) map[string]string {
	t.Helper()
	seconds := map[string][]string{}
	for at := from; ; {
		due, ok, err := cal.Next(at)
		if err != nil {
			t.Fatal(err)
		}
		if !ok || !due.Before(to) {
			break
		}
		quarter := fmt.Sprintf("%dQ%d", due.UTC().Year(), (due.UTC().Month()+2)/3)
		seconds[quarter] = append(seconds[quarter], strconv.FormatInt(due.Unix(), 10))
		at = due
	}
	out := map[string]string{}
	for quarter, all := range seconds {
		sum := sha256.Sum256([]byte(strings.Join(all, " ")))
		out[quarter] = fmt.Sprintf("%d %x", len(all), sum[:8])
	}
	return out
}
