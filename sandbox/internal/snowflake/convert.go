package snowflake

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The conversions between types run in Go: DuckDB hands over the name of a value's
// type and the value as text, which is lossless for every type the sandbox uses.

// converter holds what the conversions share: the zones they have loaded.
type converter struct {
	mu    sync.Mutex
	zones map[string]*time.Location
}

func (c *converter) location(zone string) (*time.Location, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if loc, ok := c.zones[zone]; ok {
		return loc, nil
	}
	loc, err := time.LoadLocation(zone)
	if err == nil {
		c.zones[zone] = loc
	}
	return loc, err
}

type duckFamily int

const (
	familyOther duckFamily = iota
	familyText
	familyFloat
	familyNumber
	familyClock // TIMESTAMP_NTZ and DATE
	familyDate
	familyTime
	familyInstant
	familyBlob
	familyJSON
	familyBool
)

func familyOf(duckType string) duckFamily {
	switch {
	case duckType == "VARCHAR":
		return familyText
	case duckType == "DOUBLE" || duckType == "FLOAT":
		return familyFloat
	case duckType == "JSON":
		return familyJSON
	case duckType == "DATE":
		return familyDate
	case duckType == "BLOB":
		return familyBlob
	case duckType == "BOOLEAN":
		return familyBool
	case strings.HasPrefix(duckType, "TIME") && !strings.HasPrefix(duckType, "TIMESTAMP"):
		return familyTime
	case strings.HasPrefix(duckType, "TIMESTAMP"):
		return familyClock
	case strings.Contains(duckType, "TZ_EPOCH"):
		return familyInstant
	case strings.HasSuffix(duckType, "INT") || strings.HasPrefix(duckType, "DECIMAL") || duckType == "INTEGER":
		return familyNumber
	}
	return familyOther
}

// toText is TO_VARCHAR.
func (c *converter) toText(duckType, text, format, zone string) (string, error) {
	family := familyOf(duckType)
	if family == familyInstant || family == familyClock || family == familyDate {
		return c.temporalText(duckType, text, format, zone)
	}
	if format != "" && family != familyTime {
		return "", coded("000002", "0A000", "The sandbox formats dates, times and timestamps only")
	}
	switch family {
	case familyFloat:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "", coded("100048", "22018", "Floating point value '"+text+"' is not recognized")
		}
		return floatText(v), nil
	case familyTime:
		if format == "" {
			format = "HH24:MI:SS"
		}
		h, m, s, n, ok := readTime(text)
		if !ok {
			return "", coded("100108", "22007", "Time '"+text+"' is not recognized")
		}
		return formatInstant(instantOf(time.Date(1970, 1, 1, h, m, s, n, time.UTC)), format)
	case familyJSON:
		return jsonText(text), nil
	case familyBlob:
		return strings.ToUpper(fmt.Sprintf("%x", unescapeBlob(text))), nil
	case familyOther:
		return "", coded("001065", "22023", "SQL compilation error: the sandbox cannot convert this type to text")
	}
	return text, nil
}

func (c *converter) temporalText(duckType, text, format, zone string) (string, error) {
	at, ok := readInstant(text)
	if !ok {
		return "", coded("100035", "22007", "Timestamp '"+text+"' is not recognized")
	}
	if format == "" {
		switch {
		case duckType == "DATE":
			format = "YYYY-MM-DD"
		case at.zoned:
			format = "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM"
		default:
			format = "YYYY-MM-DD HH24:MI:SS.FF3"
		}
	}
	if strings.Contains(duckType, "LTZ_EPOCH") {
		loc, err := c.location(zone)
		if err != nil {
			return "", coded("001073", "22023", "Unknown time zone '"+zone+"'")
		}
		_, offset := at.time().In(loc).Zone()
		at.offset = offset / 60
	}
	return formatInstant(at, format)
}

func floatText(v float64) string {
	if math.IsNaN(v) {
		return "NaN"
	}
	if math.IsInf(v, 0) {
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+"))
	}
	if abs := math.Abs(v); v == 0 || abs >= 1e-5 && abs < 1e16 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// jsonText is a VARIANT as VARCHAR: strings lose their quotes.
func jsonText(text string) string {
	if strings.HasPrefix(text, `"`) {
		var s string
		if json.Unmarshal([]byte(text), &s) == nil {
			return s
		}
	}
	return text
}

func unescapeBlob(text string) []byte {
	var out []byte
	for i := 0; i < len(text); i++ {
		if strings.HasPrefix(text[i:], `\x`) && i+4 <= len(text) {
			if v, err := strconv.ParseUint(text[i+2:i+4], 16, 8); err == nil {
				out = append(out, byte(v))
				i += 3
				continue
			}
		}
		out = append(out, text[i])
	}
	return out
}

// toVariant is a value as the JSON of a VARIANT.
func (c *converter) toVariant(duckType, text, zone string) (string, error) {
	switch familyOf(duckType) {
	case familyJSON, familyNumber, familyBool:
		return text, nil
	case familyFloat:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return quoteJSON(text), nil
		}
		return floatText(v), nil
	}
	plain, err := c.toText(duckType, text, "", zone)
	if err != nil {
		return "", err
	}
	return quoteJSON(plain), nil
}

func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// toInstant reads any value as a moment; wall clocks stand in the session's zone.
func (c *converter) toInstant(duckType, text, format, zone string) (instant, error) {
	at, err := toClock(duckType, text, format)
	if err != nil {
		return at, err
	}
	loc, err := c.location(zone)
	if err != nil {
		return at, coded("001073", "22023", "Unknown time zone '"+zone+"'")
	}
	if strings.Contains(duckType, "LTZ_EPOCH") {
		_, offset := at.time().In(loc).Zone()
		at.offset = offset / 60
		return at, nil
	}
	if !at.zoned && familyOf(duckType) == familyNumber {
		at.zoned = true // seconds since 1970 are a moment already
		_, offset := at.time().In(loc).Zone()
		at.offset = offset / 60
		return at, nil
	}
	return at.inZone(loc), nil
}

func toClock(duckType, text, format string) (instant, error) {
	family := familyOf(duckType)
	if family == familyJSON {
		text, family = jsonText(text), familyText
	}
	bad := coded("100035", "22007", "Timestamp '"+text+"' is not recognized")
	switch family {
	case familyText, familyClock, familyDate, familyInstant, familyNumber:
	default:
		return instant{}, coded("001044", "42P13", "Invalid argument types for a timestamp")
	}
	if format == "" || strings.EqualFold(format, "AUTO") {
		at, ok := readInstant(text)
		if !ok {
			return at, bad
		}
		return at, nil
	}
	if family != familyText {
		return instant{}, coded("000002", "0A000", "The sandbox takes a format with a text only")
	}
	at, ok, err := parseByFormat(text, format)
	if err != nil {
		return at, err
	}
	if !ok {
		return at, coded("100096", "22007", "Can't parse '"+text+"' as timestamp with format '"+format+"'")
	}
	return at, nil
}
