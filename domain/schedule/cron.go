package schedule

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

func parseCron(text string) (cron.Schedule, error) {
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	spec, err := parser.Parse(text)
	// The parser takes a zone before the fields; a schedule names it beside them.
	if err != nil || strings.Contains(text, "=") {
		return nil, fmt.Errorf("cron %q: %s", text, cronMistake(text))
	}
	return spec, nil
}

const (
	everyHour   = 1<<24 - 1
	everyMinute = 1<<60 - 1
)

// repeating reports whether a cron's minute or hour is a wildcard, such as */15 or *, or
// names every value, such as 0-23.
func repeating(text string, spec cron.Schedule) bool {
	fields := strings.Fields(text)
	if strings.ContainsAny(fields[0]+fields[1], "*?") {
		return true
	}
	s, ok := spec.(*cron.SpecSchedule)
	return ok && (s.Hour&everyHour == everyHour || s.Minute&everyMinute == everyMinute)
}

// cronMistake says what to write instead of a text that is no cron.
func cronMistake(text string) string {
	const form = "want five fields: minute, hour, day of month, month, day of week"
	fields := strings.Fields(text)
	if len(fields) != 5 || strings.Contains(text, "=") {
		return form
	}
	for i, field := range []struct {
		name      string
		low, high int
	}{{"minute", 0, 59}, {"hour", 0, 23}, {"day of month", 1, 31}, {"month", 1, 12}, {"day of week", 0, 6}} {
		for _, number := range numbersOf(fields[i]) {
			switch {
			case number == 7 && field.name == "day of week":
				return "write 0 or sun for Sunday; the days of the week are 0 to 6"
			case number < field.low || number > field.high:
				return fmt.Sprintf("%s %d does not exist; write %d to %d", field.name, number, field.low, field.high)
			}
		}
	}
	return form
}

var step = regexp.MustCompile(`/[^,]*`)

// numbersOf lists the numbers of a field, steps left out.
func numbersOf(field string) []int {
	var out []int
	for _, text := range strings.FieldsFunc(step.ReplaceAllString(field, ""), func(r rune) bool { return r == ',' || r == '-' }) {
		if n, err := strconv.Atoi(text); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// checkCron also refuses what is never due.
func checkCron(text string) error {
	spec, err := parseCron(text)
	if err != nil {
		return err
	}
	// Any instant will do before a leap year: what is due at all is due within
	// the five years that the parser looks ahead.
	if spec.Next(time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return fmt.Errorf("cron %q is never due: no month that it names has such a day; write another day of month or month", text)
	}
	return nil
}
