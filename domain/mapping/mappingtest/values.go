package mappingtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// kind is a kind of property with values that it takes.
type kind struct {
	column           string
	precision, scale int
	property         schemas.Property
	expr             string // with %s for a text column
	make             maker
	profileOnly      bool
	nested           bool
}

func kinds() []kind {
	all := append(plainKinds(), systemKinds()...)
	for _, format := range mapping.Formats() {
		all = append(all, kind{column: "TEXT", property: schemas.Property{Type: "date", Format: format, Timezone: "UTC"}, make: recent(formatted(format))})
	}
	return append(all, specialKinds()...)
}

func plainKinds() []kind {
	return []kind{
		{column: "TEXT", make: func(r *rand.Rand) string { return quote(r, text(r, 512)) }},
		{column: "FIXED", precision: 38, make: func(r *rand.Rand) string { return strconv.FormatInt(int64(r.Uint64()), 10) }},
		{column: "TEXT", property: schemas.Property{Type: "integer"}, make: func(r *rand.Rand) string {
			return fmt.Sprintf(`"%s%020d"`, pick(r, "", "+", "-"), r.Int64())
		}},
		{column: "FIXED", precision: 12, scale: 2, property: schemas.Property{Type: "long"}, make: func(r *rand.Rand) string { return fmt.Sprintf("%d.00", r.Int32()) }},
		{column: "FIXED", precision: 38, scale: 10, make: func(r *rand.Rand) string { return fmt.Sprintf("%d.%010d", r.Int64(), r.IntN(1e9)) }},
		{column: "REAL", make: func(r *rand.Rand) string { return strconv.FormatFloat(r.NormFloat64()*1e9, 'g', -1, 64) }},
		{column: "TEXT", property: schemas.Property{Type: "float"}, make: func(r *rand.Rand) string {
			return fmt.Sprintf(`"%s%05d.%d%s"`, pick(r, "", "+", "-"), r.IntN(1e5), r.IntN(1e5), pick(r, "", "e3", "E-12"))
		}},
		{column: "BOOLEAN", make: func(r *rand.Rand) string { return pick(r, "true", "false") }},
		{column: "TEXT", property: schemas.Property{Type: "boolean"}, make: flag},
		{column: "DATE", make: recent(func(t time.Time) string { return t.Format(`"2006-01-02"`) })},
		{column: "TIMESTAMP_NTZ", scale: 9, make: recent(ntz)},
		{column: "TIMESTAMP_TZ", scale: 9, make: func(r *rand.Rand) string {
			zone := time.FixedZone("", (r.IntN(27)-12)*3600+pick(r, 0, 1800))
			return moment(r).In(zone).Format(`"2006-01-02T15:04:05.000000000-07:00"`)
		}},
		{column: "TIME", make: func(r *rand.Rand) string { return moment(r).Format(`"15:04:05.000000000"`) }},
	}
}

func flag(r *rand.Rand) string {
	return pick(r, `"0"`, `"1"`, `"true"`, `"FALSE"`, `"True"`, `0`, `1`, `true`)
}

func systemKinds() []kind {
	word := func(to string, words ...string) kind {
		return kind{column: "TEXT", property: schemas.Property{To: to}, profileOnly: true, make: func(r *rand.Rand) string { return `"` + pick(r, words...) + `"` }}
	}
	return []kind{
		word("Gender", "M", "F"), word("Employed", "Y", "N"), word("Married", "Y", "N"), word("Education", "School", "College", "Graduate"),
		{column: "TEXT", property: schemas.Property{To: "Email"}, profileOnly: true, make: func(r *rand.Rand) string {
			return fmt.Sprintf(`"%s%d@%s.%s"`, pick(r, "a", "first.last", "x+tag", "o'neil", "A_B-c"), r.IntN(1e6), pick(r, "example", "a-b.c9", "mail.sub.example"), pick(r, "com", "co.uk", "museum", "in"))
		}},
		{column: "TEXT", property: schemas.Property{To: "Phone", DefaultRegion: "IN"}, profileOnly: true, make: func(r *rand.Rand) string {
			return fmt.Sprintf(pick(r, `"+919%09d"`, `"9%09d"`, `"+91 9%09d"`), r.IntN(1e9))
		}},
		{column: "TEXT", property: schemas.Property{To: "Phone"}, profileOnly: true, make: func(r *rand.Rand) string {
			return pick(r, fmt.Sprintf(`"+1415%07d"`, 2e6+r.IntN(8e6)), fmt.Sprintf(`"+447911%06d"`, r.IntN(1e6)), fmt.Sprintf(`"+4930%08d"`, 1e7+r.IntN(9e7)), fmt.Sprintf(`"+614%08d"`, r.IntN(1e8)))
		}},
		{column: "FIXED", precision: 3, property: schemas.Property{To: "Age"}, profileOnly: true, make: func(r *rand.Rand) string { return strconv.Itoa(r.IntN(151)) }},
		{column: "TEXT", property: schemas.Property{To: "MSG-email"}, profileOnly: true, make: flag},
		{column: "BOOLEAN", property: schemas.Property{To: "MSG-sms"}, profileOnly: true, make: func(r *rand.Rand) string { return pick(r, "true", "false") }},
		{column: "DATE", property: schemas.Property{To: "DOB"}, profileOnly: true, make: func(r *rand.Rand) string {
			return time.Unix(r.Int64N(4e9)-3e9, 0).UTC().Format(`"2006-01-02"`)
		}},
		{column: "TEXT", property: schemas.Property{To: "Name"}, profileOnly: true, make: func(r *rand.Rand) string { return quote(r, text(r, 512)) }},
	}
}

func specialKinds() []kind {
	anyText := func(r *rand.Rand) string { return quote(r, text(r, 512)) }
	return []kind{
		{column: "TEXT", property: schemas.Property{Op: "add"}, profileOnly: true, make: anyText},
		{column: "VARIANT", property: schemas.Property{Op: "remove", Type: "string"}, profileOnly: true, make: func(r *rand.Rand) string {
			return "[" + strings.Repeat(quote(r, text(r, 100))+", ", r.IntN(20)) + `"last"]`
		}},
		{column: "FIXED", precision: 9, property: schemas.Property{Op: "incr"}, profileOnly: true, make: func(r *rand.Rand) string { return strconv.Itoa(r.IntN(1000)) }},
		{column: "TEXT", property: schemas.Property{Transform: "sha256"}, make: anyText},
		{column: "TEXT", property: schemas.Property{OnNull: "default", Default: json.RawMessage(`"none"`)}, make: anyText},
		{property: schemas.Property{Value: json.RawMessage(`12.50`)}},
		{property: schemas.Property{Type: "boolean"}, expr: `%s in ["gold", "platinum"]`},
		{expr: `upper(%s ?? "none")`},
		{column: "VARIANT", property: schemas.Property{Type: "object"}, nested: true, make: func(r *rand.Rand) string {
			return fmt.Sprintf(`{"a": %s, "b c": {"d": [1, 2.50, null, true]}}`, quote(r, text(r, 200)))
		}},
		{column: "ARRAY", property: schemas.Property{Type: "array"}, nested: true, make: func(r *rand.Rand) string {
			return fmt.Sprintf(`[%s, [{"x": %d}]]`, quote(r, text(r, 200)), r.IntN(1000))
		}},
	}
}

// moment is between 2002 and 2100: ten digits of seconds, thirteen of
// milliseconds.
func moment(r *rand.Rand) time.Time {
	return time.Unix(1_010_000_000+r.Int64N(3_000_000_000), r.Int64N(1e9)).UTC()
}

func recent(format func(time.Time) string) maker {
	return func(r *rand.Rand) string { return format(moment(r)) }
}

func ntz(t time.Time) string { return t.Format(`"2006-01-02T15:04:05.000000000"`) }

// formatted writes a moment in one of CleverTap's formats.
func formatted(format string) func(time.Time) string {
	switch format {
	case "epochSeconds":
		return func(t time.Time) string { return fmt.Sprintf(`"%d"`, t.Unix()) }
	case "epochMillis":
		return func(t time.Time) string { return fmt.Sprintf(`"%d"`, t.UnixMilli()) }
	}
	layout := strings.NewReplacer("dd", "02", "MMM", "Jan", "MM", "01", "yyyy", "2006", "HH", "15", "mm", "04", "ss", "05").Replace(format)
	return func(t time.Time) string { return `"` + t.Format(layout) + `"` }
}

// junk is a JSON value that most properties refuse and some take.
func junk(r *rand.Rand) string {
	return pick(r,
		`null`, `""`, `" "`, `0`, `-1`, `"null"`, `"N/A"`, `"inf"`, `1e3`, `1.50`, `12345678901234567890123`, `-9223372036854775809`, `1e308`, `1e309`, `true`, `{}`, `[]`,
		`[1, "a", null]`, `{"a": {"b": {"c": {"d": 1}}}}`, `{"a.b": 1}`, `"2024-02-30"`, `"31/04/2024"`, `"1970-01-01T00:00:00.000000000"`, `"2300-01-01"`, `"1700000000000"`, `1700000000`,
		`"a@b"`, `"a@@b.co"`, `"a b@c.de"`, `"é@ü.de"`, `"a@b.co "`, `"+44+441234"`, `"+1234"`, `"+12345"`, `"123456789012345678"`, `"+999999999999999"`, `"x"`, `"m"`, `"yes"`,
		`"\ud83d"`, `"\u0000"`, `"\u00a0"`, `"App Launched"`, `"wzrk_a"`, `"a:b"`, `"cHaRgEd"`, `151`, `"007"`,
		`"`+strings.Repeat("x", 511+r.IntN(3))+`"`, `"`+strings.Repeat("é", 255+r.IntN(3))+`"`, `"`+strings.Repeat("n", 1023+r.IntN(3))+`"`, quote(r, text(r, 600)),
	)
}
