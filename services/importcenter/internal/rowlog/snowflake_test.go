package rowlog_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
)

// instant is an hour of a day, as a cursor is compared.
func instant(hour int) string { return fmt.Sprintf("2026-11-30T%02d:00:00.000000000", hour) }

// heldWorld has three runs of an import with a cursor, at 10, 12 and 14 o'clock, each of which
// reads two hours again.
type heldWorld struct {
	*world
	spec schemas.ImportSpec
	rule *rowlog.Rule
	runs []schemas.Run
}

func newHeldWorld(t *testing.T) *heldWorld {
	t.Helper()
	w := &heldWorld{world: newWorld(t), spec: spec()}
	w.spec.Source.Cursor = &schemas.Cursor{Column: "AT"}
	all := append(columns(), schemas.Column{Name: "AT", Type: "TIMESTAMP_LTZ"})
	m, problems := mapping.Compile(w.spec, all, mapping.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	w.rule = &rowlog.Rule{Mapping: m, Clock: 1_700_000_000}
	for number, counts := range []schemas.Counts{
		{Extracted: 4, Future: 2}, {Unchanged: 2, Future: 1, StillRejected: 1, ExtractSkipped: 1}, {Unchanged: 3, StillRejected: 1, Future: 1},
	} {
		run := w.run(number + 1)
		run.Mode, run.Counts = schemas.ModeIncremental, counts
		clock := instant(10 + 2*number)
		if number > 0 {
			run.WatermarkFrom = instant(6 + 2*number)
		}
		w.runs = append(w.runs, run)
		w.report(number+1, 1, schemas.Report{Kind: schemas.ReportStarted, Started: &schemas.Started{
			Clock: clock, From: run.WatermarkFrom, TimeBasis: schemas.TimeBasisInstant, Columns: all,
		}})
	}
	return w
}

// at is a row as Snowflake gives it.
func (w *heldWorld) at(name string, hour int) string {
	return fmt.Sprintf(`{"ID":%q,"NAME":"n-%s","EMAIL":"a@b.co","AT":"%sZ"}`, name, name, instant(hour))
}

// loads has a run load a row.
func (w *heldWorld) loads(name string, number, hour int) {
	id := schemas.RowID{Number: number, Attempt: 1, Seq: 1}.String()
	row := w.put(w.topics.Rows(importName), name, id, w.at(name, hour))
	record := w.put(w.topics.Records(importName), name, id, fmt.Sprintf(`{"type":"profile","identity":%q}`, name))
	w.mapped(number, 1, schemas.Mapped{Partition: at(name), From: row, To: row, Mapped: 1})
	w.receipt(number, 1, schemas.Receipt{Upload: "u-" + name, Partition: at(name), Ranges: only(record), Records: 1, Status: 200})
}

// TestSnowflakeTellsWhatTheTopicsCannot: what became of rows that runs have left out is told
// from the row as Snowflake has it.
func TestSnowflakeTellsWhatTheTopicsCannot(t *testing.T) {
	t.Parallel()
	w := newHeldWorld(t)
	w.loads("kept", 1, 9)
	w.loads("touched", 1, 8) // and again later, with a newer cursor
	w.loads("moved", 1, 9)   // changed since, and its cursor was not
	w.put(w.topics.Rows(importName), "moved", "1.1.9", w.at("else", 9))
	bad := w.at("bad", 9)
	row := w.put(w.topics.Rows(importName), "bad", "1.1.2", bad)
	w.reject(1, schemas.Reject{Stage: schemas.StageMap, Code: "email_invalid", Attempt: 1, ID: "1.1.2", Partition: at("bad"), Offset: row, Row: raw(bad)})
	w.mapped(1, 1, schemas.Mapped{Partition: at("bad"), From: row, To: row, RejectsByCode: map[string]int64{"email_invalid": 1}})

	const before, lost = "its values are those of ", "the topics do not tell of the run that took it"
	ahead := "its cursor lies further ahead of the run's clock than source.cursor.future: the run has left it for a later one"
	due := "it lies ahead of the run's clock: it has come, or changed, since; if it was there already with this cursor, it is one of the rows in the future that the run has left for later"
	gone := "it lies where the run has read, and the run had no row with these values: it has come, or changed without its cursor, since"
	for name, tc := range map[string]struct {
		who  string
		held rowlog.Held
		want []string
	}{
		"unchanged": {"kept", rowlog.Held{Row: raw(w.at("kept", 9)), At: instant(9)}, []string{
			"customers.1 loaded: the topics hold it as 1.1.1, with these values", "customers.2 unchanged: " + before + "customers.1, where it was loaded",
			// 9 o'clock lies behind what the third run reads.
		}},
		"changed after all runs": {"touched", rowlog.Held{Row: raw(w.at("touched", 15)), At: instant(15)}, []string{
			"customers.1 notRead: " + due, "customers.2 notRead: " + due, "customers.3 notRead: " + due, "no run has taken it yet; the next one reads it",
		}},
		"in the future of each run": {"tomorrow", rowlog.Held{Row: raw(w.at("tomorrow", 20)), At: instant(20)}, []string{
			"customers.1 future: " + ahead, "customers.2 future: " + ahead, "customers.3 future: " + ahead,
			"no run has taken it yet; the next one reads it, and takes it once its clock has come near its cursor",
		}},
		"still rejected": {"bad", rowlog.Held{Row: raw(bad), At: instant(9)}, []string{
			"customers.1 rejected: the topics hold it as 1.1.2, with these values", "customers.2 stillRejected: " + before + "customers.1, where it was rejected",
		}},
		"suppressed": {"barred", rowlog.Held{Row: raw(w.at("barred", 8)), At: instant(8), Suppressed: true}, []string{
			"customers.1 notRead: " + gone, "customers.2 suppressed: the person is suppressed now, and the run has left out rows of suppressed people",
		}},
		"changed behind its cursor": {"moved", rowlog.Held{Row: raw(`{"ID":"moved","NAME":"other","EMAIL":"a@b.co","AT":"` + instant(9) + `Z"}`), At: instant(9)}, []string{
			"customers.1 notRead: " + gone, "customers.2 notRead: " + gone,
			"no run that the topics tell of has taken it, and it lies behind the watermark, where no run reads: tapline reconcile finds rows that came late",
		}},
		"of a run that the topics do not tell of": {"old", rowlog.Held{Row: raw(w.at("old", 11)), At: instant(11)}, []string{
			"customers.1 notRead: " + due, "customers.2 notRead: " + gone, "customers.3 notRead: " + gone, "no run has taken it yet; the next one reads it",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ruleOf := func(string, *schemas.Started) (schemas.ImportSpec, *rowlog.Rule) { return w.spec, w.rule }
			a, err := rowlog.Why(t.Context(), w, w.topics, rowlog.Question{Import: importName, Identity: tc.who, Partitions: partitions, Rule: ruleOf})
			if err != nil {
				t.Fatal(err)
			}
			rows := []rowlog.Held{tc.held}
			a.Tell(rows, w.runs, ruleOf, rowlog.Place{TimeBasis: schemas.TimeBasisInstant, Clock: instant(16), Watermark: instant(10)})
			if diff := cmp.Diff(tc.want, toldOf(rows[0])); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// Without the first run's reports, which the topics keep no longer.
			if name == "unchanged" {
				rows = []rowlog.Held{tc.held}
				a.Rows = nil
				a.Tell(rows, w.runs[1:2], ruleOf, rowlog.Place{TimeBasis: schemas.TimeBasisInstant, Clock: instant(16), Watermark: instant(10)})
				if diff := cmp.Diff([]string{"customers.2 unchanged: it lies where the run has read and was not sent: it was unchanged or still rejected; " + lost}, toldOf(rows[0])); diff != "" {
					t.Errorf("without the run that loaded it (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func toldOf(row rowlog.Held) (lines []string) {
	for _, in := range row.Runs {
		lines = append(lines, in.Run+" "+in.Result+": "+in.Reason)
	}
	if row.Note != "" {
		lines = append(lines, row.Note)
	}
	return lines
}
