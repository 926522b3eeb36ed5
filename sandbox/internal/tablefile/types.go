package tablefile

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// kinds collects what the values of a column are.
type kinds struct {
	seen                        bool
	notNumber, notBool, notDate bool
	notTimestamp, notTime       bool
	zoned, unzoned              bool
	exponent, nested            bool
	rounded                     bool // a number that a FLOAT would change
	text, other                 bool // of JSON: texts and anything else
	whole, scale                int
}

var (
	number    = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	timestamp = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,9})?( ?(Z|[+-]\d\d:?\d\d))?$`)
	timeOfDay = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?$`)
)

// see takes a value into account. A number in a JSON string is a text.
func (k *kinds) see(cell string, isJSON bool) {
	k.seen = true
	isText := !isJSON
	if isJSON {
		switch cell[0] {
		case '"':
			k.text, isText = true, true
			k.notNumber, k.notBool = true, true
			cell = plain(cell)
		case '{', '[':
			k.nested = true
		default:
			k.other = true
		}
	}
	k.seeNumber(cell)
	if lower := strings.ToLower(cell); lower != "true" && lower != "false" {
		k.notBool = true
	}
	if !isText {
		k.notDate, k.notTimestamp, k.notTime = true, true, true
		return
	}
	if _, err := time.Parse(time.DateOnly, cell); err != nil {
		k.notDate = true
	}
	if !timeOfDay.MatchString(cell) {
		k.notTime = true
	}
	k.seeTimestamp(cell)
}

func (k *kinds) seeNumber(cell string) {
	m := number.FindStringSubmatch(cell)
	if m == nil {
		k.notNumber = true // also 007: a number would lose its leading zeros
		return
	}
	k.exponent = k.exponent || m[3] != ""
	k.rounded = k.rounded || !isFloat(strings.TrimPrefix(m[1]+strings.TrimPrefix(m[2], "."), "-"), cell)
	k.whole = max(k.whole, len(m[1]))
	k.scale = max(k.scale, len(m[2])-1)
}

// isFloat reports whether a FLOAT holds a number of these digits to its last one.
func isFloat(digits, cell string) bool {
	digits = strings.TrimRight(strings.TrimLeft(digits, "0"), "0")
	f, err := strconv.ParseFloat(cell, 64)
	if err != nil {
		return false // beyond a FLOAT
	}
	if digits == "" {
		return true
	}
	mantissa, _, _ := strings.Cut(strconv.FormatFloat(math.Abs(f), 'e', len(digits)-1, 64), "e")
	return strings.Replace(mantissa, ".", "", 1) == digits
}

func (k *kinds) seeTimestamp(cell string) {
	m := timestamp.FindStringSubmatch(cell)
	if m == nil {
		k.notTimestamp = true
		return
	}
	if _, err := time.Parse(time.DateTime, m[1]+" "+m[2]); err != nil {
		k.notTimestamp = true
	}
	if m[4] == "" {
		k.unzoned = true
	} else {
		k.zoned = true
	}
}

// typ is the narrowest type that holds every value exactly; a column whose values do not
// agree is a text, or a VARIANT in JSON.
func (k *kinds) typ() string {
	switch {
	case !k.seen:
		return "VARCHAR"
	case k.nested, k.text && k.other:
		return "VARIANT"
	case !k.notNumber && k.exponent && !k.rounded:
		return "FLOAT"
	case !k.notNumber && !k.exponent && k.whole+max(k.scale, 0) <= 38:
		return fmt.Sprintf("NUMBER(38,%d)", max(k.scale, 0))
	case !k.notBool:
		return "BOOLEAN"
	case !k.notDate:
		return "DATE"
	case !k.notTime:
		return "TIME"
	case !k.notTimestamp && k.zoned != k.unzoned:
		if k.zoned {
			return "TIMESTAMP_TZ"
		}
		return "TIMESTAMP_NTZ"
	case k.other:
		return "VARIANT"
	}
	return "VARCHAR"
}
