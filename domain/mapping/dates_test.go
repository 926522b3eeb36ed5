package mapping

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

func columnsOrNil(t testing.TB, text string) []schemas.Column {
	if text == "" {
		return nil
	}
	return columns(t, text)
}

// TestFormats reads one moment in every format and refuses what differs from it
// in a single place.
func TestFormats(t *testing.T) {
	t.Parallel()
	moment := time.Date(2024, 3, 18, 14, 5, 9, 0, time.UTC)
	layouts := map[string]string{
		"dd/MM/yyyy HH:mm:ss": "02/01/2006 15:04:05", "MM/dd/yyyy HH:mm:ss": "01/02/2006 15:04:05",
		"yyyy/dd/MM HH:mm:ss": "2006/02/01 15:04:05", "yyyy/MM/dd HH:mm:ss": "2006/01/02 15:04:05",
		"dd MMM yyyy HH:mm:ss": "02 Jan 2006 15:04:05", "dd/MM/yyyy": "02/01/2006", "MM/dd/yyyy": "01/02/2006",
		"yyyy/dd/MM": "2006/02/01", "yyyy/MM/dd": "2006/01/02", "ddMMMyyyy": "02Jan2006",
	}
	tried := 0
	for _, format := range Formats() {
		layout, ok := layouts[strings.ReplaceAll(format, "-", "/")]
		if !ok {
			continue
		}
		tried++
		if strings.Contains(format, "-") {
			layout = strings.ReplaceAll(layout, "/", "-")
		}
		want := moment
		if !strings.Contains(format, "HH") {
			want = time.Date(2024, 3, 18, 12, 0, 0, 0, time.UTC)
		}
		value := moment.Format(layout)
		m := compiled(t, profile(t, `{"from":"V","to":"p","type":"date","format":"`+format+`"}`), columns(t, "ID TEXT; V TEXT"), Options{})
		if got := outcome(t, m, `"`+value+`"`); got != fmt.Sprintf(`"$D_%d"`, want.Unix()) {
			t.Errorf("%s: %s became %s", format, value, got)
		}
		for _, bad := range []string{value + " ", " " + value, value[1:], value[:len(value)-1], strings.Replace(value, "2024", "24", 1), strings.ReplaceAll(value, "18", "32"), "x", ""} {
			if got := outcome(t, m, `"`+bad+`"`); got != codeDateFormat {
				t.Errorf("%s: %q became %s", format, bad, got)
			}
		}
	}
	if tried != 18 {
		t.Errorf("tried %d patterns", tried)
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, mapping, columns string
		values                 map[string]string
	}{
		{"ISO 8601", `{"from":"V","to":"p","type":"date"}`, "", map[string]string{
			`"2026-11-23"`: `"$D_1795435200"`, `"2026-11-23T10:00:00.123456789"`: `"$D_1795428000"`, `"2026-11-23T10:00:00.123456789Z"`: `"$D_1795428000"`,
			`"2026-11-23T10:00:00.123456789+05:30"`: `"$D_1795408200"`, `"2026-11-23T10:00:00.123456789-08:00"`: `"$D_1795456800"`, `"2026-11-23T10:00:00"`: `"$D_1795428000"`,
			`"1969-12-31T23:59:59.500000000"`: `"$D_-1"`, `"0001-01-01"`: `"$D_-62135553600"`, `"9999-12-31T23:59:59.999999999"`: `"$D_253402300799"`,
			`"2026-02-29"`: codeDateFormat, `"2024-02-29"`: `"$D_1709208000"`, `"1900-02-29"`: codeDateFormat, `"2026-11-23 10:00:00"`: codeDateFormat,
			`"2026-11-23T24:00:00"`: codeDateFormat, `"2026-11-23T10:00:60"`: codeDateFormat, `"2026-11-23T10:00:00.1234567890"`: codeDateFormat,
			`"2026-11-23T10:00:00."`: codeDateFormat, `"2026-11-23T10:00:00+5:30"`: codeDateFormat, `"2026-11-23T10:00:00+24:00"`: codeDateFormat,
			`"0000-01-01"`: codeDateFormat, `"2026-13-01"`: codeDateFormat, `20261123`: codeTypeMismatch, `true`: codeTypeMismatch, `{}`: codeTypeMismatch,
		}},
		{"zone", `{"from":"V","to":"p","type":"date","timezone":"Asia/Kolkata"}`, "ID TEXT; V TIMESTAMP_NTZ", map[string]string{
			`"2026-11-23T10:00:00.000000000"`: `"$D_1795408200"`, `"2026-11-23"`: `"$D_1795415400"`,
		}},
		{"zone with a summer", `{"from":"V","to":"p","type":"date","timezone":"Europe/Berlin","format":"dd/MM/yyyy"}`, "ID TEXT; V TEXT", map[string]string{
			`"01/07/2024"`: `"$D_1719828000"`, `"01/01/2024"`: `"$D_1704106800"`,
		}},
		{"a time that spring skips, and one that autumn repeats", `{"from":"V","to":"p","type":"date","timezone":"Europe/Berlin"}`, "ID TEXT; V TIMESTAMP_NTZ", map[string]string{
			`"2024-03-31T02:30:00.000000000"`: `"$D_1711848600"`, `"2024-10-27T02:30:00.000000000"`: `"$D_1729989000"`,
		}},
		{"a text column has its format only", `{"from":"V","to":"p","type":"date","format":"yyyy/MM/dd"}`, "ID TEXT; V TEXT", map[string]string{
			`"2024/03/18"`: `"$D_1710763200"`, `"2024-03-18"`: codeDateFormat, `"2024-03-18T00:00:00"`: codeDateFormat, `"2024/02/30"`: codeDateFormat,
		}},
		{"without columns ISO 8601 passes too", `{"from":"V","to":"p","type":"date","format":"yyyy/MM/dd"}`, "", map[string]string{
			`"2024/03/18"`: `"$D_1710763200"`, `"2024-03-18"`: `"$D_1710763200"`,
		}},
		{"but never the wrong way round", `{"from":"V","to":"p","type":"date","format":"yyyy-dd-MM"}`, "", map[string]string{
			`"2024-04-03"`: `"$D_1709553600"`, `"2024-04-18"`: codeDateFormat, `"2024-04-18T12:00:00"`: `"$D_1713441600"`,
		}},
		{"epoch seconds", `{"from":"V","to":"p","type":"date","format":"epochSeconds"}`, "ID TEXT; V NUMBER(38,0)", map[string]string{
			`1640995200`: `"$D_1640995200"`, `"1640995200"`: `"$D_1640995200"`, `1640995200000`: codeDateFormat, `164099520`: codeDateFormat, `-164099520`: codeDateFormat,
			`1640995200.00`: `"$D_1640995200"`, `1640995200.50`: codeDateFormat, `"x"`: codeDateFormat, `true`: codeTypeMismatch,
		}},
		{"epoch milliseconds", `{"from":"V","to":"p","type":"date","format":"epochMillis"}`, "ID TEXT; V NUMBER(38,0)", map[string]string{
			`1640995200999`: `"$D_1640995200"`, `1640995200`: codeDateFormat, `"1640995200000"`: `"$D_1640995200"`,
		}},
		{"DATE by its column", `"V"`, "ID TEXT; V DATE", map[string]string{`"2026-11-23"`: `"$D_1795435200"`}},
		{"TIMESTAMP_TZ by its column", `"V"`, "ID TEXT; V TIMESTAMP_TZ", map[string]string{`"2026-11-23T10:00:00.000000000+01:00"`: `"$D_1795424400"`}},
		{"month names", `{"from":"V","to":"p","type":"date","format":"ddMMMyyyy"}`, "ID TEXT; V TEXT", map[string]string{
			`"18MAR2024"`: `"$D_1710763200"`, `"18mar2024"`: `"$D_1710763200"`, `"18Mrz2024"`: codeDateFormat, `"18anF2024"`: codeDateFormat,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := compiled(t, profile(t, tt.mapping), columnsOrNil(t, tt.columns), Options{})
			for value, want := range tt.values {
				if got := outcome(t, m, value); got != want {
					t.Errorf("%s: got %s, want %s", value, got, want)
				}
			}
		})
	}
}

// TestZones agrees with time.Date wherever a clock time is unique.
func TestZones(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(1950, 1, 1, 0, 17, 5, 0, time.UTC); at.Year() < 2040; at = at.Add(7*time.Hour + 13*time.Minute) {
			local := at.In(zone)
			c := calendarTime{year: local.Year(), month: int(local.Month()), day: local.Day(), hour: local.Hour(), minute: local.Minute(), second: local.Second()}
			got := time.Unix(c.seconds(zone), 0).In(zone)
			if got.Format(time.DateTime) != local.Format(time.DateTime) {
				t.Fatalf("%s: %s became %s", name, local, got)
			}
			if got.After(local) {
				t.Fatalf("%s: %s became the later %s", name, local, got)
			}
		}
	}
}

func TestDaysSinceEpoch(t *testing.T) {
	t.Parallel()
	for day := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 10000; day = day.AddDate(0, 0, 97) {
		if got := daysSinceEpoch(day.Year(), int(day.Month()), day.Day()); got*86400 != day.Unix() {
			t.Fatalf("%s: got %d days", day, got)
		}
	}
}
