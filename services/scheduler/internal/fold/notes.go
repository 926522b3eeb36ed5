package fold

import (
	"fmt"
	"slices"
	"time"

	"tapline.dev/schemas"
)

// Compare notes how the columns that the attempt found differ from those of the
// run before. It notes nothing if there was no run before.
func Compare(f *schemas.Fold, before []schemas.Column) {
	if f.Started == nil || len(f.Started.Columns) == 0 || len(before) == 0 {
		return
	}
	f.Changed = nil
	now := map[string]schemas.Column{}
	for _, c := range f.Started.Columns {
		now[c.Name] = c
	}
	was := map[string]bool{}
	for _, c := range before {
		was[c.Name] = true
		switch found, ok := now[c.Name]; {
		case !ok && slices.Contains(f.Started.Gone, c.Name): // noted below
		case !ok:
			f.Changed = append(f.Changed, fmt.Sprintf("column %s is gone", cut(c.Name, maxText)))
		case typeOf(found) != typeOf(c):
			f.Changed = append(f.Changed, fmt.Sprintf("column %s was %s and is %s now", cut(c.Name, maxText), typeOf(c), typeOf(found)))
		}
	}
	for _, c := range f.Started.Columns {
		if !was[c.Name] {
			f.Changed = append(f.Changed, fmt.Sprintf("column %s is new: %s", cut(c.Name, maxText), typeOf(c)))
		}
	}
	for _, name := range f.Started.Gone {
		f.Changed = append(f.Changed, fmt.Sprintf("column %s is gone: the lines of the mapping that read it are left out", cut(name, maxText)))
	}
	f.Changed = boundChanges(f.Changed)
}

// typeOf is a column's type as people write it.
func typeOf(c schemas.Column) string {
	switch c.Type {
	case "FIXED":
		return fmt.Sprintf("NUMBER(%d,%d)", c.Precision, c.Scale)
	case "REAL":
		return "FLOAT"
	case "TEXT":
		return "VARCHAR"
	case "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return fmt.Sprintf("%s(%d)", c.Type, c.Scale)
	}
	return cut(c.Type, maxCode)
}

// lateNotes says what was found behind the watermark, and which lookback would
// have covered it.
func lateNotes(f *schemas.Fold, a *schemas.ActiveRun) []string {
	if f.Started == nil || f.Started.Late == nil {
		return nil
	}
	late := f.Started.Late
	switch {
	case late.Unknown:
		return []string{"late rows were not looked for: the row counts of the run before are missing"}
	case late.Rows == 0:
		return nil
	}
	note := fmt.Sprintf("%d rows had appeared behind the watermark since the run before, in %d hours or days of their cursor; these were read again", late.Rows, late.Hours)
	if lookback, ok := covering(a.WatermarkFrom, late.Oldest, f.Started.Lookback.Std()); ok {
		note += fmt.Sprintf(". A lookback of %s would have covered them", schemas.Duration(lookback))
	}
	return []string{note}
}

// covering is the lookback, in whole hours, with which the watermark would have
// stood before the oldest late row.
func covering(watermark, oldest string, lookback time.Duration) (time.Duration, bool) {
	mark, err := schemas.ParseInstant(watermark)
	if err != nil {
		return 0, false
	}
	at, err := schemas.ParseInstant(oldest)
	if err != nil {
		return 0, false
	}
	needed := lookback + mark.Sub(at)
	return (needed + time.Hour - 1).Truncate(time.Hour), needed > 0
}
