package listing

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// Figures are what people ask of a run. now counts for a run that goes on.
func Figures(r schemas.Run, now time.Time) *schemas.RunFigures {
	c := r.Counts
	f := &schemas.RunFigures{
		Successful: c.Loaded, Failed: c.Rejected() + c.StillRejected, Skipped: c.Skipped(), Unchanged: c.Unchanged, Future: c.Future,
		Moving: !schemas.Terminal(r.State), Seconds: seconds(r, now),
	}
	if c.Read > 0 {
		f.Health = Share(&r)
		f.RejectRatio = float64(f.Failed) / float64(c.Read)
	}
	if load, ok := r.Stages[schemas.StageLoad]; ok && c.Loaded > 0 {
		f.ImportedOn = &load.Last
	} else if c.Loaded > 0 {
		f.ImportedOn = r.FinishedAt
	}
	done := f.Successful + f.Failed + f.Skipped + f.Unchanged + f.Future
	f.Balanced = done == c.Read
	f.RowsPerSecond = rate(done, f.Seconds)
	f.RemainingRows = max(max(r.Total, c.Read)-done, 0)
	if all := max(r.Total, c.Read); all > 0 {
		f.Share = float64(done) / float64(all)
	}
	if f.Moving && f.RowsPerSecond > 0 {
		f.SecondsLeft = float64(f.RemainingRows) / f.RowsPerSecond
	}
	f.Equation = Equation(c.Read, c.Loaded, c.Unchanged, f.Failed, f.Skipped, c.Future)
	f.Stages = stages(r)
	return f
}

func seconds(r schemas.Run, now time.Time) float64 {
	end := now
	if r.FinishedAt != nil {
		end = *r.FinishedAt
	}
	if r.StartedAt.IsZero() {
		return 0
	}
	return max(end.Sub(r.StartedAt).Seconds(), 0)
}

func rate(n int64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(n) / seconds
}

func stages(r schemas.Run) []schemas.StageFigures {
	c := r.Counts
	out := []schemas.StageFigures{
		{Stage: schemas.StageExtract, In: c.Read, Out: c.Extracted, Unchanged: c.Unchanged, Future: c.Future, Rejected: c.ExtractRejected + c.StillRejected, Skipped: c.ExtractSkipped},
		{Stage: schemas.StageMap, In: c.Extracted, Out: c.Mapped, Rejected: c.MapRejected, Skipped: c.MapSkipped},
		{Stage: schemas.StageLoad, In: c.Mapped, Out: c.Loaded, Rejected: c.LoadRejected, Skipped: c.LoadSkipped},
	}
	words := map[string][2]string{schemas.StageExtract: {"read", "extracted"}, schemas.StageMap: {"extracted", "mapped"}, schemas.StageLoad: {"mapped", "loaded"}}
	for i := range out {
		s := &out[i]
		s.Waiting = max(s.In-s.Out-s.Unchanged-s.Future-s.Rejected-s.Skipped, 0)
		if t, ok := r.Stages[s.Stage]; ok {
			first := t.First
			if s.Stage == schemas.StageExtract && !r.StartedAt.IsZero() && r.StartedAt.Before(first) {
				first = r.StartedAt // its first report comes when Snowflake has answered
			}
			s.Seconds = max(t.Last.Sub(first).Seconds(), 0)
			s.RowsPerSecond = rate(s.In-s.Waiting, s.Seconds)
		}
		terms := []term{{s.Out, words[s.Stage][1]}}
		if s.Stage == schemas.StageExtract {
			terms = append(terms, term{s.Unchanged, "unchanged"}, term{s.Future, "future"})
		}
		terms = append(terms, term{s.Rejected, "rejected"}, term{s.Skipped, "skipped"}, term{s.Waiting, "on the way"})
		s.Equation = equation(s.In, words[s.Stage][0], terms)
	}
	return out
}

// Equation says in one line what became of the rows read. Those without an outcome are on
// the way.
func Equation(read, loaded, unchanged, rejected, skipped, future int64) string {
	waiting := max(read-loaded-unchanged-rejected-skipped-future, 0)
	return equation(read, "read", []term{
		{loaded, "loaded"}, {unchanged, "unchanged"}, {rejected, "rejected"}, {skipped, "skipped"}, {future, "future"}, {waiting, "on the way"},
	})
}

type term struct {
	n    int64
	word string
}

// equation says in one line what became of rows. The last term is left out if it is
// nothing.
func equation(n int64, word string, terms []term) string {
	if terms[len(terms)-1].n == 0 {
		terms = terms[:len(terms)-1]
	}
	parts := make([]string, len(terms))
	for i, t := range terms {
		parts[i] = Number(t.n) + " " + t.word
	}
	return fmt.Sprintf("%s %s = %s", Number(n), word, strings.Join(parts, " + "))
}

// Number is a number with its thousands set apart.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
