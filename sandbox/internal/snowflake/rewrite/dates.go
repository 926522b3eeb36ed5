package rewrite

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// datePartName is the name of a part of a date, written as a word or as a text.
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
	return "", sferr.New("001006", "22023", "SQL compilation error:\nthe sandbox does not know the date part '"+arg[0].Text+"'")
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
	inner, err := r.List(args[2])
	if err != nil {
		return sqltext.Node{}, err
	}
	tag := sqltext.ValueUnknown
	if len(inner) == 1 {
		tag = inner[0].Value
	}
	return sqltext.RawOf(fmt.Sprintf("sf_dateadd('%s', CAST(%s AS BIGINT), %s)", part, rest[0], rest[1]), tag), nil
}

func (r *Rewriter) dateDiff(args [][]sqltext.Node) (sqltext.Node, error) {
	part, rest, err := r.dateArgs(args, 3)
	if err != nil {
		return sqltext.Node{}, err
	}
	if part == "nanosecond" {
		return sqltext.Raw(fmt.Sprintf("(epoch_ns(%s) - epoch_ns(%s))", rest[1], rest[0])), nil
	}
	return sqltext.Raw(fmt.Sprintf("date_diff('%s', %s, %s)", part, rest[0], rest[1])), nil
}

func (r *Rewriter) dateTrunc(args [][]sqltext.Node) (sqltext.Node, error) {
	part, rest, err := r.dateArgs(args, 2)
	if err != nil {
		return sqltext.Node{}, err
	}
	if part == "nanosecond" || part == "epoch" {
		return sqltext.Node{}, sferr.Unsupported("DATE_TRUNC to %s", part)
	}
	return sqltext.RawOf(fmt.Sprintf("date_trunc('%s', %s)", part, rest[0]), sqltext.ValueNTZ), nil
}

func (r *Rewriter) datePart(args [][]sqltext.Node) (sqltext.Node, error) {
	part, rest, err := r.dateArgs(args, 2)
	if err != nil {
		return sqltext.Node{}, err
	}
	if part == "epoch" {
		return sqltext.Raw(fmt.Sprintf("memory.main.m_epoch(%s)", rest[0])), nil
	}
	if strings.HasSuffix(part, "second") && part != "second" {
		return sqltext.Node{}, sferr.Unsupported("DATE_PART of %s", part)
	}
	return sqltext.Raw(fmt.Sprintf("date_part('%s', %s)", part, rest[0])), nil
}

// extract is EXTRACT(part FROM x).
func (r *Rewriter) extract(group sqltext.Node) (sqltext.Node, error) {
	if len(group.Kids) < 3 || !group.Kids[1].IsWord("FROM") {
		return sqltext.Node{}, sferr.Syntax("syntax error in EXTRACT.")
	}
	return r.datePart([][]sqltext.Node{group.Kids[:1], group.Kids[2:]})
}
