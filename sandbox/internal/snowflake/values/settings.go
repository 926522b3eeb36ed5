package values

import (
	"strconv"
	"strings"
)

// Settings are the session parameters that conversions use. An empty format of a
// TIMESTAMP_LTZ or TIMESTAMP_TZ stands for Timestamp.
type Settings struct {
	Zone                                        string
	NTZ, LTZ, TZ, Timestamp, Date, Time, Binary string // output formats
	TimestampInput, DateInput, TimeInput        string
	WeekStart                                   int
}

const settingsSeparator = "\x1f"

// Pack writes the settings as one text, for functions that DuckDB calls.
func (s Settings) Pack() string {
	return strings.Join([]string{
		s.Zone, s.NTZ, s.LTZ, s.TZ, s.Timestamp, s.Date, s.Time, s.Binary, s.TimestampInput, s.DateInput, s.TimeInput, strconv.Itoa(s.WeekStart),
	}, settingsSeparator)
}

// unpack reads what Pack wrote. A text that is only a time zone gets the default formats.
func unpack(text string) Settings {
	p := strings.Split(text, settingsSeparator)
	if len(p) != 12 {
		return Settings{Zone: text}
	}
	week, _ := strconv.Atoi(p[11]) // written by Pack
	return Settings{p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], week}
}

// output returns the format of a value of this DuckDB type as text.
func (s Settings) output(duckType string) string {
	or := func(formats ...string) string {
		for _, f := range formats {
			if f != "" && !strings.EqualFold(f, "AUTO") {
				return f
			}
		}
		return ""
	}
	const clock = "YYYY-MM-DD HH24:MI:SS.FF3"
	switch {
	case duckType == "DATE":
		return or(s.Date, "YYYY-MM-DD")
	case strings.Contains(duckType, "LTZ_EPOCH"):
		return or(s.LTZ, s.Timestamp, clock+" TZHTZM")
	case FamilyOf(duckType) == FamilyInstant:
		return or(s.TZ, s.Timestamp, clock+" TZHTZM")
	case FamilyOf(duckType) == FamilyTime:
		return or(s.Time, "HH24:MI:SS")
	}
	return or(s.NTZ, s.Timestamp, clock)
}

// InputFormat returns the format in which the session writes texts of a Snowflake type, "" for AUTO.
func (s Settings) InputFormat(logical string) string {
	format := s.TimestampInput
	switch logical {
	case "DATE":
		format = s.DateInput
	case "TIME":
		format = s.TimeInput
	}
	if strings.EqualFold(format, "AUTO") {
		return ""
	}
	return format
}

// ValidFormat reports whether the sandbox knows all elements of a date and time format.
func ValidFormat(format string) bool {
	if strings.EqualFold(format, "AUTO") {
		return true
	}
	_, err := splitFormat(format)
	return err == nil
}
