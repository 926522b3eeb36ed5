package statement

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapline.dev/schemas"
)

const day = 24 * time.Hour

// Cursor is an import's Updated On column once its type is known. All its
// instants are texts with nine fractional digits in one time basis: UTC, or the
// column's own zone for a column that has none.
type Cursor struct {
	Column   schemas.Column
	Index    int // of the column in the result
	Lookback time.Duration
	Future   time.Duration
	Nulls    string // fail | always
	// Bucketed makes windows begin where a bucket does, so that each bucket lies
	// either behind the watermark or in the window.
	Bucketed bool
	Late     []Span // behind the watermark, and to be read again
	zone     *time.Location
	epoch    string
}

// NewCursor chooses how to compare and read a cursor by its column's type.
func NewCursor(spec schemas.Cursor, defaultZone string, column schemas.Column, index int, now time.Time) (*Cursor, error) {
	c := &Cursor{
		Column: column, Index: index, zone: time.UTC, epoch: spec.Epoch, Nulls: spec.Nulls.Policy,
		Lookback: spec.Lookback.Std(), Future: spec.Future.Std(),
	}
	if c.Lookback == 0 {
		c.Lookback = schemas.DefaultLookback.Std()
	}
	if c.Future == 0 {
		c.Future = schemas.DefaultFuture.Std()
	}
	switch column.Type {
	case "TIMESTAMP_NTZ", "DATE":
		if err := c.setZone(spec.Timezone, defaultZone); err != nil {
			return nil, err
		}
		if column.Type == "DATE" {
			c.Lookback += day
		}
		// Where clocks go back, an hour's texts repeat.
		if hasDaylightSaving(c.zone, now) {
			c.Lookback += time.Hour
		}
	case "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
	case "FIXED":
		if c.epoch != "seconds" && c.epoch != "milliseconds" {
			return nil, fmt.Errorf("cursor %s is a NUMBER: epoch must say seconds or milliseconds", column.Name)
		}
	default:
		return nil, fmt.Errorf("cursor %s has type %s: it must be a TIMESTAMP, a DATE or a NUMBER with epoch", column.Name, column.Type)
	}
	return c, nil
}

func (c *Cursor) setZone(name, fallback string) error {
	if name == "" {
		name = fallback
	}
	if name == "" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return fmt.Errorf("cursor timezone %q is not known", name)
	}
	c.zone = zone
	return nil
}

func hasDaylightSaving(zone *time.Location, now time.Time) bool {
	_, first := now.In(zone).Zone()
	for month := range 12 {
		if _, offset := now.AddDate(0, month, 0).In(zone).Zone(); offset != first {
			return true
		}
	}
	return false
}

// TimeBasis is what the cursor's instants are.
func (c *Cursor) TimeBasis() string {
	switch c.Column.Type {
	case "TIMESTAMP_NTZ", "DATE":
		if c.zone == time.UTC {
			return schemas.TimeBasisWallUTC
		}
		return schemas.TimeBasisWall
	}
	return schemas.TimeBasisInstant
}

// Instant is t in the cursor's time basis.
func (c *Cursor) Instant(t time.Time) string {
	local := t.In(c.zone)
	_, offset := local.Zone()
	return schemas.FormatInstant(local.Add(time.Duration(offset) * time.Second))
}

// Place is a place in the order of the cursor, as ParseCursorInstant of schemas returns
// it, in the cursor's time basis; "" stays "".
func (c *Cursor) Place(text string) (string, error) {
	instant, zoned := strings.CutSuffix(text, "Z")
	if !zoned {
		return text, nil
	}
	t, err := schemas.ParseInstant(instant)
	if err != nil {
		return "", err
	}
	return c.Instant(t), nil
}

// Minus is the instant a span before another one.
func Minus(instant string, span time.Duration) (string, error) {
	t, err := schemas.ParseInstant(instant)
	if err != nil {
		return "", err
	}
	if t = t.Add(-span); t.Year() < 1 {
		t = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return schemas.FormatInstant(t), nil
}

// Low is the lowest instant that a run reads whose watermark was computed from maximum:
// the bound of its statement, rounded down in the same way. Rows that were read at or
// above it have to be in the ledger.
func (c *Cursor) Low(maximum string) (string, error) {
	low, err := Minus(maximum, c.Lookback)
	if err != nil {
		return "", err
	}
	switch {
	case c.Bucketed:
		return c.BucketFloor(low), nil
	case c.Column.Type == "DATE":
		return low[:len("2006-01-02")] + "T00:00:00.000000000", nil
	case c.epoch == "seconds":
		return low[:len("2006-01-02T15:04:05")] + ".000000000", nil
	case c.epoch == "milliseconds":
		return low[:len("2006-01-02T15:04:05.000")] + "000000", nil
	}
	return low, nil
}

// selected is what a window selects from.
type selected struct {
	cursor string // SQL
	key    string // SQL of what rows of one identity have in common, "" where all versions count
	text   string // the user's query
}

// newer is the condition of rows whose identity has a row that meets condition; ""
// where all versions count.
func (s selected) newer(condition string) string {
	if s.key == "" {
		return ""
	}
	return s.key + " IN (SELECT " + s.key + " FROM (\n" + s.text + "\n) AS src WHERE " + condition + ")"
}

// where writes the window's condition on the cursor's SQL.
func (c *Cursor) where(sel selected, from, to string) (string, []string, error) {
	if from == "" && to == "" {
		return "", nil, nil
	}
	if from != "" && c.Bucketed {
		from = c.BucketFloor(from)
	}
	// At or after, and never beyond: rows that share an instant need not commit
	// together.
	low, lowArgs, err := c.side(sel.cursor, " >= ", from)
	if err != nil {
		return "", nil, err
	}
	high, highArgs, err := c.side(sel.cursor, " < ", to)
	if err != nil {
		return "", nil, err
	}
	switch {
	case high == "":
		late, lateArgs, err := c.late(sel)
		return " WHERE " + low + " OR " + sel.cursor + " IS NULL" + late, append(lowArgs, lateArgs...), err
	case low == "":
		condition, args := c.withNewer(sel, high, highArgs, high, highArgs)
		return " WHERE " + condition, args, nil
	}
	both, bothArgs := low+" AND "+high, slices.Concat(lowArgs, highArgs)
	condition, args := c.withNewer(sel, high, highArgs, both, bothArgs)
	if condition != high {
		condition = "(" + condition + ")"
	}
	return " WHERE " + low + " AND " + condition, slices.Concat(lowArgs, args), nil
}

// side is one bound of the window; "" if it is open there.
func (c *Cursor) side(sql, op, instant string) (string, []string, error) {
	if instant == "" {
		return "", nil, nil
	}
	bound, args, err := c.bound(instant)
	return sql + op + bound, args, err
}

// withNewer adds to a condition the rows of identities that have one in the window.
func (c *Cursor) withNewer(sel selected, condition string, args []string, window string, windowArgs []string) (string, []string) {
	newer := sel.newer(window)
	if newer == "" {
		return condition, args
	}
	return condition + " OR " + newer, slices.Concat(args, windowArgs)
}

// The formats of bounds, as exact as the texts bound to them. Without one, the
// account's or the user's DATE_INPUT_FORMAT and TIMESTAMP_INPUT_FORMAT would read
// the texts. Setting those for the session was rejected: they hold for what the
// user's own query converts as well.
const (
	dateFormat      = `'YYYY-MM-DD'`
	timestampFormat = `'YYYY-MM-DD"T"HH24:MI:SS.FF9'`
	zonedFormat     = `'YYYY-MM-DD"T"HH24:MI:SS.FF9TZH:TZM'`
)

// bound writes an instant as a value of the column's own type, rounded down.
func (c *Cursor) bound(instant string) (sql string, args []string, err error) {
	t, err := schemas.ParseInstant(instant)
	if err != nil {
		return "", nil, err
	}
	switch c.Column.Type {
	case "DATE":
		return "TO_DATE(?, " + dateFormat + ")", []string{instant[:len("2006-01-02")]}, nil
	case "TIMESTAMP_NTZ":
		return "TO_TIMESTAMP_NTZ(?, " + timestampFormat + ")", []string{instant}, nil
	case "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return "TO_TIMESTAMP_TZ(?, " + zonedFormat + ")", []string{instant + "+00:00"}, nil
	}
	// Whole units, downwards: the literal is digits of our own making.
	if c.epoch == "milliseconds" {
		return strconv.FormatInt(t.UnixMilli(), 10), nil, nil
	}
	return strconv.FormatInt(t.Unix(), 10), nil, nil
}

// Read turns the cursor's JSON token into an instant of the time basis. The token is
// not null. A number beyond the years 1 to 9999 becomes the nearest instant.
func (c *Cursor) Read(token []byte) (string, error) {
	s := string(token)
	if n := len(s); n >= 2 && s[0] == '"' && s[n-1] == '"' {
		s = s[1 : n-1]
	}
	switch c.Column.Type {
	case "DATE":
		return s + "T00:00:00.000000000", nil
	case "TIMESTAMP_NTZ":
		return s, nil
	case "TIMESTAMP_LTZ":
		return strings.TrimSuffix(s, "Z"), nil
	case "TIMESTAMP_TZ":
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return "", fmt.Errorf("a cursor value of type TIMESTAMP_TZ is not understood")
		}
		return formatClamped(t), nil
	}
	return c.readEpoch(s)
}

func (c *Cursor) readEpoch(s string) (string, error) {
	digits := 9
	if c.epoch == "milliseconds" {
		digits = 6
	}
	whole, fraction, _ := strings.Cut(s, ".")
	units, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return pick(strings.HasPrefix(s, "-"), firstInstant, lastInstant), nil // beyond 64 bits
	}
	if len(fraction) > digits {
		fraction = fraction[:digits]
	}
	nanos, err := strconv.ParseInt(fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil {
		return "", fmt.Errorf("a cursor value of type NUMBER is not understood")
	}
	if strings.HasPrefix(s, "-") {
		nanos = -nanos
	}
	if digits == 6 {
		// time.UnixMilli overflows for no int64, and the year check below holds.
		return formatClamped(time.UnixMilli(units).Add(time.Duration(nanos))), nil
	}
	const farSeconds = 1 << 40 // some 34,000 years
	if units > farSeconds || units < -farSeconds {
		return pick(units < 0, firstInstant, lastInstant), nil
	}
	return formatClamped(time.Unix(units, nanos)), nil
}

const (
	firstInstant = "0001-01-01T00:00:00.000000000"
	lastInstant  = "9999-12-31T23:59:59.999999999"
)

func formatClamped(t time.Time) string {
	switch y := t.UTC().Year(); {
	case y < 1:
		return firstInstant
	case y > 9999:
		return lastInstant
	}
	return schemas.FormatInstant(t)
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// UTC is an instant of the cursor's time basis as one of UTC. Where an hour's texts
// repeat it is one of the two.
func (c *Cursor) UTC(instant string) string {
	t, err := schemas.ParseInstant(instant)
	if err != nil {
		return instant
	}
	return schemas.FormatInstant(time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), c.zone))
}

// Plus is the instant a span after another one.
func Plus(instant string, span time.Duration) (string, error) {
	t, err := schemas.ParseInstant(instant)
	if err != nil {
		return "", err
	}
	return formatClamped(t.Add(span)), nil
}
