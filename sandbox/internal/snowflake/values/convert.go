package values

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// The conversions between types run in Go: DuckDB hands over the name of a value's
// type and the value as text, which is lossless for every type the sandbox uses.

// Converter converts values. It caches time zones and unpacked settings.
type Converter struct {
	mu     sync.Mutex
	zones  map[string]*time.Location
	packed map[string]Settings
}

// NewConverter makes a converter.
func NewConverter() *Converter {
	return &Converter{zones: map[string]*time.Location{}, packed: map[string]Settings{}}
}

// maxSettings bounds the cache of unpacked settings.
const maxSettings = 256

// Settings reads what Settings.Pack wrote.
func (c *Converter) Settings(packed string) Settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.packed[packed]
	if !ok {
		if len(c.packed) >= maxSettings {
			clear(c.packed)
		}
		s = unpack(packed)
		c.packed[packed] = s
	}
	return s
}

func (c *Converter) location(zone string) (*time.Location, error) {
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

// Family is a group of DuckDB types that are converted alike.
type Family int

const (
	familyOther Family = iota
	FamilyText
	familyFloat
	familyNumber
	FamilyClock // TIMESTAMP_NTZ and DATE
	familyDate
	FamilyTime
	FamilyInstant
	familyBlob
	familyJSON
	familyBool
)

// FamilyOf returns the family of a DuckDB type.
func FamilyOf(duckType string) Family {
	switch {
	case duckType == "VARCHAR":
		return FamilyText
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
		return FamilyTime
	case strings.HasPrefix(duckType, "TIMESTAMP"):
		return FamilyClock
	case strings.Contains(duckType, "TZ_EPOCH"):
		return FamilyInstant
	case strings.HasSuffix(duckType, "INT") || strings.HasPrefix(duckType, "DECIMAL") || duckType == "INTEGER":
		return familyNumber
	}
	return familyOther
}

// ToText implements TO_VARCHAR.
func (c *Converter) ToText(duckType, text, format, settings string) (string, error) {
	family := FamilyOf(duckType)
	if family == FamilyInstant || family == FamilyClock || family == familyDate {
		return c.temporalText(duckType, text, format, c.Settings(settings))
	}
	if format != "" && family != FamilyTime {
		return "", sferr.Coded("000002", "0A000", "The sandbox formats dates, times and timestamps only")
	}
	switch family {
	case familyFloat:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "", sferr.Coded("100048", "22018", "Floating point value '"+text+"' is not recognized")
		}
		return floatText(v), nil
	case FamilyTime:
		if format == "" {
			format = c.Settings(settings).output(duckType)
		}
		h, m, s, n, ok := ReadTime(text)
		if !ok {
			return "", sferr.Coded("100108", "22007", "Time '"+text+"' is not recognized")
		}
		return formatInstant(InstantOf(time.Date(1970, 1, 1, h, m, s, n, time.UTC)), format)
	case familyJSON:
		return jsonText(text), nil
	case familyBlob:
		data := unescapeBlob(text)
		if strings.EqualFold(c.Settings(settings).Binary, "BASE64") {
			return base64.StdEncoding.EncodeToString(data), nil
		}
		return strings.ToUpper(hex.EncodeToString(data)), nil
	case familyOther:
		return "", sferr.Coded("001065", "22023", "SQL compilation error: the sandbox cannot convert this type to text")
	}
	return text, nil
}

func (c *Converter) temporalText(duckType, text, format string, settings Settings) (string, error) {
	at, ok := readInstant(text)
	if !ok {
		return "", sferr.Coded("100035", "22007", "Timestamp '"+text+"' is not recognized")
	}
	if format == "" {
		format = settings.output(duckType)
	}
	if strings.Contains(duckType, "LTZ_EPOCH") {
		loc, err := c.location(settings.Zone)
		if err != nil {
			return "", sferr.Coded("001073", "22023", "Unknown time zone '"+settings.Zone+"'")
		}
		_, offset := at.Time().In(loc).Zone()
		at.Offset = offset / 60
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

// jsonText converts a VARIANT to VARCHAR: a string without its quotes, a DOUBLE without its
// exponent.
func jsonText(text string) string {
	if v, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, "eE") {
		return floatText(v)
	}
	if strings.HasPrefix(text, `"`) {
		var s string
		if json.Unmarshal([]byte(text), &s) == nil {
			return s
		}
	}
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		if canonical, err := CanonicalJSON(text); err == nil {
			return canonical
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

// ToVariant converts a value to the JSON of a VARIANT.
func (c *Converter) ToVariant(duckType, text, zone string) (string, error) {
	switch FamilyOf(duckType) {
	case familyJSON, familyNumber, familyBool:
		return text, nil
	case familyFloat:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return quoteJSON(text), nil
		}
		return VariantDouble(v), nil
	}
	plain, err := c.ToText(duckType, text, "", zone)
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

// ToInstant converts any value to an instant; wall-clock times are in the session's zone.
func (c *Converter) ToInstant(duckType, text, format, settings string) (Instant, error) {
	set := c.Settings(settings)
	zone := set.Zone
	if format == "" && FamilyOf(duckType) == FamilyText {
		format = set.InputFormat("TIMESTAMP")
	}
	at, err := ToClock(duckType, text, format)
	if err != nil {
		return at, err
	}
	loc, err := c.location(zone)
	if err != nil {
		return at, sferr.Coded("001073", "22023", "Unknown time zone '"+zone+"'")
	}
	if strings.Contains(duckType, "LTZ_EPOCH") {
		_, offset := at.Time().In(loc).Zone()
		at.Offset = offset / 60
		return at, nil
	}
	if !at.Zoned && FamilyOf(duckType) == familyNumber {
		at.Zoned = true // seconds since 1970 are a moment already
		_, offset := at.Time().In(loc).Zone()
		at.Offset = offset / 60
		return at, nil
	}
	return at.InZone(loc), nil
}

// ToClock converts a value to a wall-clock time or, if it has an offset, to an instant.
func ToClock(duckType, text, format string) (Instant, error) {
	family := FamilyOf(duckType)
	if family == familyJSON {
		text, family = jsonText(text), FamilyText
	}
	bad := sferr.Coded("100035", "22007", "Timestamp '"+text+"' is not recognized")
	switch family {
	case FamilyText, FamilyClock, familyDate, FamilyInstant, familyNumber:
	default:
		return Instant{}, sferr.Coded("001044", "42P13", "Invalid argument types for a timestamp")
	}
	if format == "" || strings.EqualFold(format, "AUTO") {
		at, ok := readInstant(text)
		if !ok {
			return at, bad
		}
		return at, nil
	}
	if family != FamilyText {
		return Instant{}, sferr.Coded("000002", "0A000", "The sandbox takes a format with a text only")
	}
	at, ok, err := parseByFormat(text, format)
	if err != nil {
		return at, err
	}
	if !ok {
		return at, sferr.Coded("100096", "22007", "Can't parse '"+text+"' as timestamp with format '"+format+"'")
	}
	return at, nil
}
