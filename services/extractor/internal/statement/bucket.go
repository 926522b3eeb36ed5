package statement

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// Span is a stretch of the cursor, To exclusive.
type Span struct{ From, To string }

// yearOne is the first instant of all, in seconds before 1970: counted from
// there, no instant is negative.
const yearOne = 62135596800

// bucket is the span that rows are counted by.
func (c *Cursor) bucket() time.Duration {
	if c.Column.Type == "DATE" {
		return day
	}
	return time.Hour
}

// BucketFloor is the begin of the bucket that an instant lies in.
func (c *Cursor) BucketFloor(instant string) string {
	if c.bucket() == day {
		return instant[:len("2006-01-02")] + "T00:00:00.000000000"
	}
	return instant[:len("2006-01-02T15")] + ":00:00.000000000"
}

// BucketSpan is the span of a numbered bucket. The number comes from the result
// of Counts, and may be that of a NUMBER which is no instant.
func (c *Cursor) BucketSpan(n int64) Span {
	seconds := int64(c.bucket() / time.Second)
	const most = 1 << 40
	n = max(min(n, most/seconds), 0)
	from := time.Unix(n*seconds-yearOne, 0)
	return Span{From: formatClamped(from), To: formatClamped(from.Add(c.bucket()))}
}

// Counts writes the statement that counts the rows of each bucket: its number
// and how many there are. Bind comes first.
func (s *Source) Counts(c *Cursor) Statement {
	sql, seconds := s.cursorSQL(), int64(c.bucket()/time.Second)
	since, per := "", seconds
	switch {
	case c.Column.Type != "FIXED":
		since = fmt.Sprintf("DATE_PART(EPOCH_SECOND, %s) + %d", sql, int64(yearOne))
	case c.epoch == "milliseconds":
		since, per = fmt.Sprintf("FLOOR(%s) + %d", sql, int64(yearOne)*1000), seconds*1000
	default:
		since = fmt.Sprintf("FLOOR(%s) + %d", sql, int64(yearOne))
	}
	return Statement{SQL: fmt.Sprintf(`SELECT b.E - MOD(b.E, %d) AS "B", COUNT(*) AS "N" FROM (SELECT %s AS E FROM (
%s
) AS src) AS b WHERE b.E IS NOT NULL GROUP BY 1`, per, since, s.text)}
}

// BucketNumber is the number of the bucket that begins at begin, as the result of
// Counts has it.
func (c *Cursor) BucketNumber(begin int64) int64 {
	per := int64(c.bucket() / time.Second)
	if c.epoch == "milliseconds" {
		per *= 1000
	}
	return begin / per
}

// late writes the conditions of the spans that are read again, and of what is newer
// of the same identities.
func (c *Cursor) late(sel selected) (string, []string, error) {
	if len(c.Late) == 0 {
		return "", nil, nil
	}
	var spans []string
	var args []string
	for _, span := range c.Late {
		low, lowArgs, err := c.side(sel.cursor, " >= ", span.From)
		if err != nil {
			return "", nil, err
		}
		high, highArgs, err := c.side(sel.cursor, " < ", span.To)
		if err != nil {
			return "", nil, err
		}
		spans = append(spans, "("+low+" AND "+high+")")
		args = slices.Concat(args, lowArgs, highArgs)
	}
	all := strings.Join(spans, " OR ")
	if newer := sel.newer(all); newer != "" {
		first, firstArgs, err := c.side(sel.cursor, " >= ", c.Late[0].From)
		if err != nil {
			return "", nil, err
		}
		return " OR " + all + " OR (" + first + " AND " + newer + ")", slices.Concat(args, firstArgs, args), nil
	}
	return " OR " + all, args, nil
}

// lateSpans bounds how many spans a statement names.
const lateSpans = 200

// Grown compares the counts of the buckets before the watermark with those of
// the run before, and returns what has come and where.
func (c *Cursor) Grown(before, now map[int64]int64, watermark string) (schemas.Late, []Span) {
	var late schemas.Late
	mark := c.BucketFloor(watermark)
	var numbers []int64
	for n, count := range now {
		if c.BucketSpan(n).From < mark && count > before[n] {
			late.Rows += count - before[n]
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return late, nil
	}
	late.Hours = len(numbers)
	spans := c.join(numbers)
	late.Oldest = spans[0].From
	return late, spans
}

// join makes as few spans of numbered buckets as there can be.
func (c *Cursor) join(numbers []int64) []Span {
	slices.Sort(numbers)
	var spans []Span
	for i, n := range numbers {
		span := c.BucketSpan(n)
		if i > 0 && numbers[i-1] == n-1 {
			spans[len(spans)-1].To = span.To
			continue
		}
		spans = append(spans, span)
	}
	if len(spans) > lateSpans {
		return []Span{{spans[0].From, spans[len(spans)-1].To}}
	}
	return spans
}
