package statement

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// HashAlias names the column with a row's hash. It never gets into a row.
const HashAlias = "TAPLINE_HASH"

// seconds is the SQL of a cursor as whole units since the year one, and how many units a
// second has.
func (s *Source) seconds(c *Cursor) (sql string, perSecond int64) {
	cursor := s.cursorSQL()
	switch {
	case c.Column.Type != "FIXED":
		return fmt.Sprintf("DATE_PART(EPOCH_SECOND, %s) + %d", cursor, int64(yearOne)), 1
	case c.epoch == "milliseconds":
		return fmt.Sprintf("FLOOR(%s) + %d", cursor, int64(yearOne)*1000), 1000
	}
	return fmt.Sprintf("FLOOR(%s) + %d", cursor, int64(yearOne)), 1
}

// hash is the SQL of a row's hash: over the mapped columns and the cursor.
func (s *Source) hash(mapped []schemas.Column) string {
	parts := make([]string, 0, len(mapped)+1)
	for _, column := range mapped {
		parts = append(parts, "src."+quote(column.Name))
	}
	return "HASH(" + strings.Join(append(parts, s.cursorSQL()), ", ") + ")"
}

// Sums writes the statement that counts and sums the rows below an instant, by day and in
// three ways by masks of their hash (package sums); O says of a group whether its rows lie below
// an earlier instant, "" for none. One scan answers all.
func (s *Source) Sums(c *Cursor, mapped []schemas.Column, masks []int64, squares int64, earlier, below string) (Statement, error) {
	since, perSecond := s.seconds(c)
	var limits [2]int64
	for i, instant := range []string{earlier, below} {
		if instant == "" {
			continue
		}
		t, err := schemas.ParseInstant(instant)
		if err != nil {
			return Statement{}, err
		}
		limits[i] = (t.Unix() + yearOne) * perSecond
	}
	perDay := int64(day/time.Second) * perSecond
	var keys, names, sets []string
	for i, mask := range masks {
		name := "C" + strconv.Itoa(i+1)
		keys = append(keys, fmt.Sprintf("BITAND(a.H, %d) AS %s", mask, name))
		names, sets = append(names, "b."+name+` AS "`+name+`"`), append(sets, "(b.O, b."+name+")")
	}
	return Statement{SQL: fmt.Sprintf(`SELECT b.O AS "O", b.B AS "B", %s, COUNT(*) AS "N", SUM(b.H) AS "H", SUM(b.L * b.L) AS "Q" FROM (SELECT CASE WHEN a.E < %d THEN 1 ELSE 0 END AS O, a.E - MOD(a.E, %d) AS B, %s, a.H AS H, BITAND(a.H, %d) AS L FROM (SELECT %s AS E, %s AS H FROM (
%s
) AS src) AS a WHERE a.E IS NOT NULL AND a.E < %d) AS b GROUP BY GROUPING SETS ((b.O, b.B), %s)`,
		strings.Join(names, ", "), limits[0], perDay, strings.Join(keys, ", "), squares, since, s.hash(mapped), s.text, limits[1], strings.Join(sets, ", "))}, nil
}

// DayOf is the span of the day that begins at begin, as the result of Sums has it.
func (c *Cursor) DayOf(begin int64) Span {
	if c.Column.Type == "FIXED" && c.epoch == "milliseconds" {
		begin /= 1000
	}
	from := time.Unix(max(0, min(begin, 1<<40))-yearOne, 0)
	return Span{From: formatClamped(from), To: formatClamped(from.Add(day))}
}

// Came writes the statement that reads the rows which have come: those with one of the
// hashes, by how many there are of each, in days of the cursor. Without hashes all rows of
// the days are read, and without days none. identity is as in Window: with it all rows of
// the same people are read too, so that the newest arrives last.
func (s *Source) Came(columns []schemas.Column, cur *Cursor, mapped []schemas.Column, came map[int64]int64, days []Span, identity string) (Statement, error) {
	visible, behind, c := columns, "", s.cursorSQL()
	if s.hidden {
		visible, behind = columns[:len(columns)-1], ", "+c+" AS "+quote(CursorAlias)
	}
	from := "\n" + s.text + "\n"
	if len(days) == 0 {
		return Statement{SQL: "SELECT " + list(visible) + behind + " FROM (" + from + ") AS src WHERE 1 = 0"}, nil
	}
	condition, args, err := cur.spans(c, days)
	if err != nil {
		return Statement{}, err
	}
	if came != nil {
		condition = "(" + condition + ") AND " + s.hash(mapped) + " IN (" + hashes(came, 0) + ")"
	}
	switch {
	case identity != "":
		key := identitySQL(identity)
		condition = key + " IN (SELECT " + key + " FROM (" + from + ") AS src WHERE " + condition + ")"
	case came != nil:
		// Of equal rows only as many are read as have come.
		hash := s.hash(mapped)
		from = "SELECT src.*, " + hash + " AS " + quote(HashAlias) + ", ROW_NUMBER() OVER (PARTITION BY " + hash + " ORDER BY " + c + ") AS " + quote(VersionAlias) +
			" FROM (" + from + ") AS src WHERE " + condition
		condition = "src." + quote(VersionAlias) + " <= " + times(came)
	}
	return Statement{SQL: "SELECT " + list(visible) + behind + " FROM (" + from + ") AS src WHERE " + condition + " ORDER BY " + c + " NULLS FIRST", Args: args}, nil
}

// spans is the condition of rows whose cursor lies in one of the spans.
func (c *Cursor) spans(sql string, spans []Span) (condition string, args []string, err error) {
	var parts []string
	for _, span := range spans {
		low, lowArgs, err := c.side(sql, " >= ", span.From)
		if err != nil {
			return "", nil, err
		}
		high, highArgs, err := c.side(sql, " < ", span.To)
		if err != nil {
			return "", nil, err
		}
		parts, args = append(parts, "("+low+" AND "+high+")"), slices.Concat(args, lowArgs, highArgs)
	}
	return strings.Join(parts, " OR "), args, nil
}

// hashes lists those that came so many times, or all with 0. They are digits.
func hashes(came map[int64]int64, times int64) string {
	var out []string
	for hash, n := range came {
		if times == 0 || n == times {
			out = append(out, strconv.FormatInt(hash, 10))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// times is the SQL of how many rows of a hash have come.
func times(came map[int64]int64) string {
	several := map[int64]bool{}
	for _, n := range came {
		several[n] = n > 1
	}
	out := ""
	for n, more := range several {
		if more {
			out += fmt.Sprintf(" WHEN src.%s IN (%s) THEN %d", quote(HashAlias), hashes(came, n), n)
		}
	}
	if out == "" {
		return "1"
	}
	return "CASE" + out + " ELSE 1 END"
}

// Joined are days in their order, as few spans as there can be.
func Joined(days []Span) []Span {
	var out []Span
	for _, d := range days {
		if n := len(out); n > 0 && out[n-1].To == d.From {
			out[n-1].To = d.To
			continue
		}
		out = append(out, d)
	}
	if len(out) > lateSpans {
		return []Span{{out[0].From, out[len(out)-1].To}}
	}
	return out
}
