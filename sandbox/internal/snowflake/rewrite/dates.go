package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// datePartName returns the name of a part of a date, written as a word or as a text.
func datePartName(arg []sqltext.Node) (string, error) {
	if len(arg) != 1 || !arg[0].IsName() && arg[0].Kind != sqltext.KindString {
		return "", sferr.Syntax("syntax error: a date part is missing.")
	}
	switch part := strings.ToLower(arg[0].Text); part {
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
	return "", badPart(arg[0].Text)
}

func (r *Rewriter) dateArgs(args [][]sqltext.Node, want int) (part string, rest []string, err error) {
	if len(args) != want {
		return "", nil, sferr.New("000938", "22023", "SQL compilation error:\nnot enough or too many arguments for a date function")
	}
	if part, err = datePartName(args[0]); err != nil {
		return "", nil, err
	}
	for _, a := range args[1:] {
		text, err := r.SQL(a)
		if err != nil {
			return "", nil, err
		}
		rest = append(rest, text)
	}
	return part, rest, nil
}

func (r *Rewriter) dateAdd(args [][]sqltext.Node) (sqltext.Node, error) {
	part, rest, err := r.dateArgs(args, 3)
	if err != nil {
		return sqltext.Node{}, err
	}
	x, err := r.temporal(args[2])
	if err != nil {
		return sqltext.Node{}, err
	}
	// A NUMBER is rounded to the whole parts that Snowflake adds.
	return sqltext.RawOf(fmt.Sprintf("sf_dateadd('%s', CAST(%s AS BIGINT), %s)", part, rest[0], sqltext.Emit([]sqltext.Node{x})), x.Value), nil
}

// temporal rewrites an argument that is a date or time; a text literal is a timestamp.
func (r *Rewriter) temporal(arg []sqltext.Node) (sqltext.Node, error) {
	inner, err := r.List(arg)
	if err != nil {
		return sqltext.Node{}, err
	}
	if len(inner) == 1 && inner[0].Kind == sqltext.KindString {
		return r.cast(inner[0], sftype.Type{Logical: "TIMESTAMP_NTZ", Scale: 9}, false)
	}
	if len(inner) == 1 {
		return inner[0], nil
	}
	return sqltext.Raw("(" + sqltext.Emit(inner) + ")"), nil
}

// wallClock converts a date or time to the wall-clock time that DuckDB's functions read: a TIMESTAMP_LTZ in the
// session's zone, a TIMESTAMP_TZ at its offset.
func (r *Rewriter) wallClock(arg []sqltext.Node) (string, error) {
	x, err := r.temporal(arg)
	if err != nil {
		return "", err
	}
	text := sqltext.Emit([]sqltext.Node{x})
	switch x.Value {
	case sqltext.ValueLTZ, sqltext.ValueTZ, sqltext.ValueMixed:
		return fmt.Sprintf("memory.main.m_ntz_us(%s, '', %s)", text, r.settings()), nil
	case sqltext.ValueVariant:
		return fmt.Sprintf("memory.main.m_ntz_us(%s, '', %s)", text, r.settings()), nil
	}
	return text, nil
}

// firstDay returns the day on which the session's weeks begin; Monday is 1.
func (r *Rewriter) firstDay() int { return max(r.env.Settings.WeekStart, 1) }

func (r *Rewriter) dateDiff(args [][]sqltext.Node) (sqltext.Node, error) {
	part, _, err := r.dateArgs(args, 3)
	if err != nil {
		return sqltext.Node{}, err
	}
	from, err := r.wallClock(args[1])
	if err != nil {
		return sqltext.Node{}, err
	}
	to, err := r.wallClock(args[2])
	if err != nil {
		return sqltext.Node{}, err
	}
	switch part {
	case "nanosecond":
		return sqltext.Raw(fmt.Sprintf("(epoch_ns(%s) - epoch_ns(%s))", to, from)), nil
	case "week":
		return sqltext.Raw(fmt.Sprintf("CAST((memory.main.m_week(%[1]s, %[3]d) - memory.main.m_week(%[2]s, %[3]d)) // 7 AS BIGINT)", to, from, r.firstDay())), nil
	case "epoch":
		return sqltext.Node{}, badPart(part)
	}
	return sqltext.Raw(fmt.Sprintf("date_diff('%s', %s, %s)", part, from, to)), nil
}

func badPart(part string) error {
	return sferr.New("001045", "22023", "SQL compilation error:\n'"+part+"' is not a valid date/time component for the function.")
}

// dateTrunc keeps the type of its argument: a DATE stays one.
func (r *Rewriter) dateTrunc(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) == 2 && (len(args[0]) != 1 || args[0][0].Kind != sqltext.KindString && !isPartWord(args[0][0])) {
		args = [][]sqltext.Node{args[1], args[0]} // TRUNC(date, part) and DATE_TRUNC alike
	}
	part, _, err := r.dateArgs(args, 2)
	if err != nil {
		return sqltext.Node{}, err
	}
	if part == "epoch" {
		return sqltext.Node{}, badPart(part)
	}
	x, err := r.temporal(args[1])
	if err != nil {
		return sqltext.Node{}, err
	}
	return sqltext.RawOf(fmt.Sprintf("sf_trunc('%s', %s, %s)", part, r.settings(), sqltext.Emit([]sqltext.Node{x})), x.Value), nil
}

func isPartWord(n sqltext.Node) bool {
	_, err := datePartName([]sqltext.Node{n})
	return err == nil
}

func (r *Rewriter) datePart(args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) == 2 && len(args[0]) == 1 {
		if field, ok := partFunction(args[0][0].Text); ok {
			return r.dateField(field, args[1:])
		}
	}
	part, rest, err := r.dateArgs(args, 2)
	if err != nil {
		return sqltext.Node{}, err
	}
	switch {
	case part == "epoch":
		return sqltext.Raw(fmt.Sprintf("memory.main.m_epoch(%s)", rest[0])), nil
	case part == "week":
		return r.dateField("WEEK", args[1:])
	}
	x, err := r.wallClock(args[1])
	if err != nil {
		return sqltext.Node{}, err
	}
	if part == "nanosecond" {
		return sqltext.Raw(fmt.Sprintf("(epoch_ns(%s) %% 1000000000)", x)), nil
	}
	if strings.HasSuffix(part, "second") && part != "second" {
		return sqltext.Node{}, badPart(part)
	}
	return sqltext.Raw(fmt.Sprintf("date_part('%s', %s)", part, x)), nil
}

// partFunction returns the function for a date part, if there is one.
func partFunction(part string) (string, bool) {
	switch strings.ToLower(part) {
	case "dayofweek", "weekday", "dow", "dw":
		return "DAYOFWEEK", true
	case "dayofweekiso", "weekday_iso", "dow_iso", "dw_iso":
		return "DAYOFWEEKISO", true
	case "dayofyear", "yearday", "doy", "dy":
		return "DAYOFYEAR", true
	case "weekiso", "week_iso", "weekofyeariso", "weekofyear_iso":
		return "WEEKISO", true
	case "yearofweek":
		return "YEAROFWEEK", true
	case "yearofweekiso":
		return "YEAROFWEEKISO", true
	}
	return "", false
}

// dateField rewrites a function of one date: YEAR(d), DAYOFWEEK(d) and the like.
func (r *Rewriter) dateField(name string, args [][]sqltext.Node) (sqltext.Node, error) {
	if len(args) != 1 {
		return sqltext.Node{}, sferr.New("000938", "22023", "SQL compilation error:\nnot enough or too many arguments for function ["+name+"]")
	}
	x, err := r.wallClock(args[0])
	if err != nil {
		return sqltext.Node{}, err
	}
	start := r.env.Settings.WeekStart
	switch name {
	case "DAYOFWEEK":
		if start == 0 {
			return sqltext.Raw(fmt.Sprintf("dayofweek(%s)", x)), nil
		}
		return sqltext.Raw(fmt.Sprintf("((isodow(%s) - %d + 7) %% 7 + 1)", x, start)), nil
	case "WEEK", "WEEKOFYEAR", "YEAROFWEEK":
		if start > 1 {
			return sqltext.Node{}, sferr.Unsupported("%s with WEEK_START %d", name, start)
		}
	}
	form := map[string]string{
		"YEAR": "year(%s)", "QUARTER": "quarter(%s)", "MONTH": "month(%s)", "DAY": "day(%s)", "DAYOFMONTH": "day(%s)",
		"HOUR": "hour(%s)", "MINUTE": "minute(%s)", "SECOND": "second(%s)", "DAYOFYEAR": "dayofyear(%s)",
		"DAYOFWEEKISO": "isodow(%s)", "DAYOFWEEK_ISO": "isodow(%s)", "WEEK": "week(%s)", "WEEKOFYEAR": "week(%s)", "WEEKISO": "week(%s)", "WEEK_ISO": "week(%s)",
		"YEAROFWEEK": "isoyear(%s)", "YEAROFWEEKISO": "isoyear(%s)", "DAYNAME": "left(dayname(%s), 3)", "MONTHNAME": "left(monthname(%s), 3)",
	}[name]
	return sqltext.Raw(fmt.Sprintf(form, x)), nil
}

// dateFields returns the functions of one date.
func dateFields() []string {
	return []string{
		"YEAR", "QUARTER", "MONTH", "DAY", "DAYOFMONTH", "HOUR", "MINUTE", "SECOND", "DAYOFYEAR", "DAYOFWEEK", "DAYOFWEEKISO", "DAYOFWEEK_ISO",
		"WEEK", "WEEKOFYEAR", "WEEKISO", "WEEK_ISO", "YEAROFWEEK", "YEAROFWEEKISO", "DAYNAME", "MONTHNAME",
	}
}

// extract rewrites EXTRACT(part FROM x).
func (r *Rewriter) extract(group sqltext.Node) (sqltext.Node, error) {
	if len(group.Kids) < 3 || !group.Kids[1].IsWord("FROM") {
		return sqltext.Node{}, sferr.Syntax("syntax error in EXTRACT.")
	}
	return r.datePart([][]sqltext.Node{group.Kids[:1], group.Kids[2:]})
}
