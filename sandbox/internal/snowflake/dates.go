package snowflake

import (
	"fmt"
	"strings"
	"time"
)

// datePartName is the name of a part of a date, written as a word or as a text.
func datePartName(arg []node) (string, error) {
	if len(arg) != 1 || !arg[0].isName() && arg[0].kind != kindString {
		return "", syntaxError("syntax error: a date part is missing.")
	}
	switch part := strings.ToLower(arg[0].text); part {
	case "year", "years", "y", "yy", "yyyy", "yr":
		return "year", nil
	case "quarter", "quarters", "q", "qtr":
		return "quarter", nil
	case "month", "months", "mm", "mon", "mons":
		return "month", nil
	case "week", "weeks", "w", "wk":
		return "week", nil
	case "day", "days", "d", "dd":
		return "day", nil
	case "hour", "hours", "h", "hh", "hr":
		return "hour", nil
	case "minute", "minutes", "m", "mi", "min":
		return "minute", nil
	case "second", "seconds", "s", "sec":
		return "second", nil
	case "millisecond", "milliseconds", "ms", "msec":
		return "millisecond", nil
	case "microsecond", "microseconds", "us", "usec":
		return "microsecond", nil
	case "nanosecond", "nanoseconds", "ns", "nsec":
		return "nanosecond", nil
	case "epoch_second", "epoch", "epoch_seconds":
		return "epoch", nil
	}
	return "", &Error{"001006", "22023", "SQL compilation error:\nthe sandbox does not know the date part '" + arg[0].text + "'"}
}

func (r *rewriter) dateArgs(args [][]node, want int) (part string, rest []string, err error) {
	if len(args) != want {
		return "", nil, &Error{"000938", "22023", "SQL compilation error:\nnot enough or too many arguments for a date function"}
	}
	if part, err = datePartName(args[0]); err != nil {
		return "", nil, err
	}
	for _, a := range args[1:] {
		text, err := r.sql(a)
		if err != nil {
			return "", nil, err
		}
		rest = append(rest, text)
	}
	return part, rest, nil
}

func (r *rewriter) dateAdd(args [][]node) (node, error) {
	part, rest, err := r.dateArgs(args, 3)
	if err != nil {
		return node{}, err
	}
	inner, err := r.list(args[2])
	if err != nil {
		return node{}, err
	}
	tag := valueUnknown
	if len(inner) == 1 {
		tag = inner[0].tag
	}
	return rawTagged(fmt.Sprintf("sf_dateadd('%s', CAST(%s AS BIGINT), %s)", part, rest[0], rest[1]), tag), nil
}

func (r *rewriter) dateDiff(args [][]node) (node, error) {
	part, rest, err := r.dateArgs(args, 3)
	if err != nil {
		return node{}, err
	}
	if part == "nanosecond" {
		return raw(fmt.Sprintf("(epoch_ns(%s) - epoch_ns(%s))", rest[1], rest[0])), nil
	}
	return raw(fmt.Sprintf("date_diff('%s', %s, %s)", part, rest[0], rest[1])), nil
}

func (r *rewriter) dateTrunc(args [][]node) (node, error) {
	part, rest, err := r.dateArgs(args, 2)
	if err != nil {
		return node{}, err
	}
	if part == "nanosecond" || part == "epoch" {
		return node{}, unsupported("DATE_TRUNC to %s", part)
	}
	return rawTagged(fmt.Sprintf("date_trunc('%s', %s)", part, rest[0]), valueNTZ), nil
}

func (r *rewriter) datePart(args [][]node) (node, error) {
	part, rest, err := r.dateArgs(args, 2)
	if err != nil {
		return node{}, err
	}
	if part == "epoch" {
		return raw(fmt.Sprintf("memory.main.m_epoch(%s)", rest[0])), nil
	}
	if strings.HasSuffix(part, "second") && part != "second" {
		return node{}, unsupported("DATE_PART of %s", part)
	}
	return raw(fmt.Sprintf("date_part('%s', %s)", part, rest[0])), nil
}

// extract is EXTRACT(part FROM x).
func (r *rewriter) extract(group node) (node, error) {
	if len(group.kids) < 3 || !group.kids[1].isWord("FROM") {
		return node{}, syntaxError("syntax error in EXTRACT.")
	}
	return r.datePart([][]node{group.kids[:1], group.kids[2:]})
}

// addToTime adds n parts to a time, months clipped to their last day.
func addToTime(part string, n int64, t time.Time) (time.Time, error) {
	units := map[string]time.Duration{
		"hour": time.Hour, "minute": time.Minute, "second": time.Second,
		"millisecond": time.Millisecond, "microsecond": time.Microsecond, "nanosecond": time.Nanosecond,
	}
	if unit, ok := units[part]; ok {
		seconds, rest := splitDuration(n, unit)
		return time.Unix(t.Unix()+seconds, int64(t.Nanosecond())+rest).UTC(), nil
	}
	months := map[string]int64{"month": 1, "quarter": 3, "year": 12}[part]
	if months > 0 {
		total := int64(t.Year())*12 + int64(t.Month()) - 1 + n*months
		year, month := int(total/12), time.Month(total%12+1)
		last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
		return time.Date(year, month, min(t.Day(), last), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), nil
	}
	days := map[string]int64{"day": 1, "week": 7}[part]
	if days == 0 {
		return t, coded("001006", "22023", "The sandbox cannot add the date part '"+part+"'")
	}
	return t.AddDate(0, 0, int(n*days)), nil
}

func splitDuration(n int64, unit time.Duration) (seconds, nanoseconds int64) {
	if unit >= time.Second {
		return n * int64(unit/time.Second), 0
	}
	per := int64(time.Second / unit)
	return n / per, (n % per) * int64(unit)
}

// addToDate adds to a DATE; adding less than a day would make it a TIMESTAMP.
func addToDate(part string, n int64, t time.Time) (time.Time, error) {
	switch part {
	case "day", "week", "month", "quarter", "year":
		return addToTime(part, n, t)
	}
	return t, coded("000002", "0A000", "The sandbox adds whole days to a DATE; cast it to TIMESTAMP_NTZ to add less")
}
