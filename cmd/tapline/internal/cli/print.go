package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/schemas"
)

// printJSON writes what the API answered.
func (a *app) printJSON(v any) error {
	encoder := a.encoder()
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// encoder writes values as lines of JSON.
func (a *app) encoder() *json.Encoder {
	encoder := json.NewEncoder(escaped{a.io.Out})
	encoder.SetEscapeHTML(false)
	return encoder
}

// escaped takes whole JSON values, and writes an escape for each character that a terminal acts
// on: the same value for whoever parses it.
type escaped struct{ out io.Writer }

// Write implements io.Writer.
func (e escaped) Write(text []byte) (int, error) {
	var safe strings.Builder
	for _, r := range string(text) {
		if r != '\n' && obeyed(r) { // such characters stand in texts only, and all of them have four digits
			fmt.Fprintf(&safe, `\u%04x`, r)
		} else {
			safe.WriteRune(r)
		}
	}
	if _, err := io.WriteString(e.out, safe.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// printLine writes a value as one line of JSON.
func (a *app) printLine(v any) error {
	return a.encoder().Encode(v)
}

// printNames writes a name on each line, for scripts.
func printNames[T any](out io.Writer, items []T, name func(T) string) error {
	for _, item := range items {
		if _, err := fmt.Fprintln(out, printable(name(item))); err != nil {
			return err
		}
	}
	return nil
}

// numbered writes a number with its unit: 1 run, 2,100 runs.
func numbered(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return number(n) + " " + unit + "s"
}

func number(n int64) string { return listing.Number(n) }

// rowsWere is "1 row was" or "2 rows were".
func rowsWere(n int64) string {
	if n == 1 {
		return "1 row was"
	}
	return number(n) + " rows were"
}

func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func health(h *float64) string {
	if h == nil {
		return "-"
	}
	return listing.Percent(*h)
}

// countsByName formats counts by name, the largest first.
func countsByName(counts map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		if d := counts[y] - counts[x]; d != 0 {
			return int(max(min(d, 1), -1))
		}
		return strings.Compare(x, y)
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = name + " " + number(counts[name])
	}
	return orDash(strings.Join(parts, ", "))
}

// elapsed is a run's duration so far.
func elapsed(r schemas.Run) time.Duration {
	end := time.Now()
	if r.FinishedAt != nil {
		end = *r.FinishedAt
	}
	return end.Sub(r.StartedAt).Round(10 * time.Millisecond)
}

// waitsFor says what a run waits for, or "-".
func waitsFor(r schemas.Run) string {
	if schemas.Terminal(r.State) {
		return "-"
	}
	if r.HeldBecause != nil {
		return fmt.Sprintf("approval: %s%s; tapline approve %s or tapline decline %s", r.HeldBecause.Reason, held(r.HeldBecause), r.Run, r.Run)
	}
	if r.Behind != "" {
		return "behind " + r.Behind
	}
	if r.Waiting == nil || r.Waiting.Over {
		return "-"
	}
	return r.Waiting.Account + ": " + r.Waiting.Reason
}

// printRun writes one run in full, for people.
func printRun(out io.Writer, r schemas.Run) error {
	rows := [][2]string{
		{"run", r.Run},
		{"import", r.Import},
		{"state", r.State},
		{"mode", orDash(r.Mode) + " (" + orDash(r.Cause) + ")"},
		{"asked by", orDash(r.Actor)},
		{"due", due(r)},
		{"attempt", strconv.Itoa(r.Attempt)},
		{"read", number(r.Counts.Read)},
		{"unchanged", number(r.Counts.Unchanged)},
		{"still rejected", number(r.Counts.StillRejected)},
		{"future", number(r.Counts.Future)},
		{"extracted", number(r.Counts.Extracted)},
		{"mapped", number(r.Counts.Mapped)},
		{"loaded", number(r.Counts.Loaded)},
		{"resent", number(r.Counts.Resent)},
		{"repeated", number(r.Counts.Repeated)},
		{"rejected", number(r.Counts.Rejected()) + "  " + countsByName(r.RejectsByCode)},
		{"skipped", number(r.Counts.Skipped()) + "  " + countsByName(r.SkippedByReason)},
		reach(r),
		{"query id", orDash(r.QueryID)},
		{"trace id", traced(r.TraceID)},
		{"started", moment(&r.StartedAt)},
		{"finished", moment(r.FinishedAt)},
		{"took", elapsed(r).String()},
	}
	if r.Snowflake != nil {
		rows = append(rows, [2]string{"snowflake", warehouse(*r.Snowflake)})
	}
	if a := r.Approval; a != nil {
		rows = append(rows, [2]string{"approved", fmt.Sprintf("%s rows, %s", number(a.Rows), moment(&a.Time))})
	}
	rows = append(rows, figures(r)...)
	if waits := waitsFor(r); waits != "-" {
		rows = append(rows, [2]string{"waits for", waits})
	}
	for _, note := range r.Notes {
		rows = append(rows, [2]string{"note", note})
	}
	if r.Error != nil {
		rows = append(rows, [2]string{"error", r.Error.Code + ": " + r.Error.Reason})
	}
	return printPairs(out, rows)
}

// reach is what of the cursor a run reads: a backfill has a span, and moves no watermark.
func reach(r schemas.Run) [2]string {
	if r.To != "" {
		return [2]string{"span", "from " + r.WatermarkFrom + " to before " + r.To}
	}
	return [2]string{"watermark", orDash(r.WatermarkFrom) + " -> " + orDash(r.WatermarkTo)}
}

// due is the due instants that a run stands for.
func due(r schemas.Run) string {
	if r.DueFrom != nil {
		return moment(r.DueFrom) + " to " + moment(r.Due)
	}
	return moment(r.Due)
}

// figures are what the server has computed of a run: the equations, and each stage's
// pace.
func figures(r schemas.Run) [][2]string {
	f := r.Figures
	if f == nil {
		return nil
	}
	rows := [][2]string{
		{"health", health(f.Health)},
		{"imported on", moment(f.ImportedOn)},
		{"rows per second", number(int64(f.RowsPerSecond))},
		{"equation", f.Equation},
	}
	for _, s := range f.Stages {
		text := s.Equation
		if s.Seconds > 0 {
			text += fmt.Sprintf(" (%.1f s, %s rows/s)", s.Seconds, number(int64(s.RowsPerSecond)))
		}
		rows = append(rows, [2]string{"  " + s.Stage, text})
	}
	return rows
}

// printPairs writes what is said of one thing, a line each.
func printPairs(out io.Writer, rows [][2]string) error {
	for _, row := range rows {
		if _, err := fmt.Fprintf(out, "%-14s  %s\n", row[0], printable(row[1])); err != nil {
			return err
		}
	}
	return nil
}

// held says how many records a hold speaks of, if its reason does not.
func held(h *schemas.Hold) string {
	switch {
	case len(h.Figures) > 0:
		return ""
	case h.AtLeast:
		return " (" + number(h.Records) + " records at least)"
	}
	return " (" + number(h.Records) + " records)"
}

// warehouse says what a run's statements have taken at Snowflake.
func warehouse(u schemas.SnowflakeUse) string {
	text := fmt.Sprintf("%s s of execution, %s s in the queue", seconds(u.ExecutionSeconds), seconds(u.QueueSeconds))
	if u.SecondsPerThousand > 0 {
		text += fmt.Sprintf(", %s s for 1,000 loaded", seconds(u.SecondsPerThousand))
	}
	if u.SecondsPerDay > 0 {
		text += fmt.Sprintf(", %s s a day at its schedules", seconds(u.SecondsPerDay))
	}
	if u.BytesScanned > 0 {
		text += fmt.Sprintf(", %s bytes scanned", number(u.BytesScanned))
	}
	return text
}

// atSnowflake is a figure of what the newest closed run of an import has taken at Snowflake.
func atSnowflake(l schemas.Listing, figure func(schemas.SnowflakeUse) float64) string {
	if l.Snowflake == nil || figure(*l.Snowflake) == 0 {
		return "-"
	}
	return seconds(figure(*l.Snowflake)) + " s"
}

func executed(u *schemas.SnowflakeUse) string {
	if u == nil {
		return "-"
	}
	return seconds(u.ExecutionSeconds) + " s"
}

// equationOf is the whole equation of a run in one line.
func equationOf(r schemas.Run) string {
	if r.Figures == nil {
		return "-"
	}
	return r.Figures.Equation
}

// seconds has three significant digits or two decimals, whichever is more.
func seconds(s float64) string {
	const small = 1
	if s < small {
		return strconv.FormatFloat(s, 'g', 3, 64)
	}
	return strconv.FormatFloat(s, 'f', 2, 64)
}

// traced is a trace id and where it leads: the deployment decides that, and the client
// does not know.
func traced(id string) string {
	if id == "" {
		return "-"
	}
	return id + "  (spans: where the services' OTEL_EXPORTER_OTLP_ENDPOINT leads; with tapline dev, the address it calls traces)"
}
