package fold

import (
	"fmt"
	"maps"
	"slices"

	"tapline.dev/domain/runs"
	"tapline.dev/schemas"
)

// loadedBefore returns notes about events that attempts without success had loaded.
func loadedBefore(f *schemas.Fold) (notes []string) {
	leftOut, again := LeftOut(f)
	if leftOut > 0 {
		notes = append(notes, fmt.Sprintf("%d rows were left out and count as unchanged: attempts or runs that did not succeed had loaded their events", leftOut))
	}
	if again > 0 {
		notes = append(notes, fmt.Sprintf("up to %d events that attempts or runs without success had loaded may have been loaded again: the log does not tell their rows", again))
	}
	return notes
}

// LeftOut sums up, over the attempts, the rows that were left out because their events
// had been loaded, and returns how many such events may have been sent again: each
// attempt counts all that it does not know, so the largest count holds the others.
func LeftOut(f *schemas.Fold) (leftOut, again int64) {
	for _, e := range f.Attempts {
		leftOut += e.LeftOut
		again = max(again, e.SentAgain)
	}
	return leftOut, again
}

// ages are the kinds of events that CleverTap drops, hides or acts on because of their
// time. Its answer does not say so.
var ages = []struct{ code, text string }{
	{"outside_retention", "events sent that are older than the account's dataRetention, which CleverTap drops after an answer of success"},
	{"event_in_future", "events sent that lie ahead of the run's clock, which CleverTap hides until their time"},
	{"event_live", "events sent that are recent enough to trigger live campaigns"},
}

// countAges adds counts of a report. Codes that are none of the mapper's are dropped, so
// that a report cannot make the fold grow.
func countAges(f *schemas.Fold, counts map[string]int64) {
	for _, age := range ages {
		if n := counts[age.code]; n > 0 {
			if f.Aged == nil {
				f.Aged = map[string]int64{}
			}
			f.Aged[age.code] += n
		}
	}
}

// rowNotes returns notes about future rows, which are left for a later run, about events
// that CleverTap drops, hides or acts on, and about values that a placeholder replaces in
// the rows topic.
func rowNotes(f *schemas.Fold) []string {
	var notes []string
	var future int64
	withheld := map[string]int64{}
	for _, e := range f.Attempts {
		future += e.Future
		for column, n := range e.Placeholders {
			withheld[cut(column, maxCode)] += n
		}
	}
	if future > 0 {
		notes = append(notes, fmt.Sprintf("rows with a cursor in the future: %d, which wait for a later run; if there are more of them than the writers' clocks explain, "+
			"the cursor has another unit (seconds, milliseconds) or another timezone than the definition says", future))
	}
	for _, age := range ages {
		if n := f.Aged[age.code]; n > 0 {
			notes = append(notes, fmt.Sprintf("%s: %d", age.text, n))
		}
	}
	for i, column := range slices.Sorted(maps.Keys(withheld)) {
		if i == maxNotes {
			break
		}
		notes = append(notes, fmt.Sprintf("column %s is not mapped, and %d of its values stand as a placeholder in the rows topic: they are too large or have no JSON", column, withheld[column]))
	}
	return notes
}

// orderNotes says in a dry run in which order events of one identity will go out, if
// that is not the order of the column with their time.
func orderNotes(a *schemas.ActiveRun) []string {
	order := runs.EventOrder(a.Spec)
	if !schemas.IsTrial(a.Run) || order == "" {
		return nil
	}
	return []string{order}
}
