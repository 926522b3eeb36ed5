package mapping

import (
	"bytes"
	"strconv"

	"github.com/nyaruka/phonenumbers"
)

const (
	minPhoneDigits = 5 // CleverTap: a plus and more than four digits
	maxPhoneDigits = 15
	maxCallingCode = 999
	unknownRegion  = "ZZ"
)

// phoneReader turns a phone number into E.164, CleverTap's form.
//
// Most numbers are E.164 already. For those, a table says whether the calling
// code exists and the length is possible; the library would need microseconds
// for that. The table is made from the library's own metadata. All other numbers
// go through the library.
type phoneReader struct {
	region string // for numbers without a calling code; ZZ for none
	plans  []phonePlan
}

// phonePlan is what a calling code allows.
type phonePlan struct {
	lengths uint32 // bit n: n national digits are possible
	firsts  uint16 // bit n: a leading digit n may be a national prefix, which E.164 leaves out
}

func newPhoneReader(region string) (*phoneReader, bool) {
	if region != "" && !phonenumbers.GetSupportedRegions()[region] {
		return nil, false
	}
	if region == "" {
		region = unknownRegion
	}
	r := &phoneReader{region: region, plans: make([]phonePlan, maxCallingCode+1)}
	for code := range phonenumbers.GetSupportedCallingCodes() {
		if code <= maxCallingCode {
			r.plans[code] = newPhonePlan(code)
		}
	}
	return r, true
}

func newPhonePlan(code int) phonePlan {
	var p phonePlan
	national := uint64(0)
	for n := 1; n <= maxPhoneDigits; n++ {
		national = national*10 + 2
		country := int32(code)
		number := &phonenumbers.PhoneNumber{CountryCode: &country, NationalNumber: &national}
		if possible(number) {
			p.lengths |= 1 << n
		}
	}
	p.firsts = 1<<0 | 1<<1 // national prefixes: 0 in most countries, 1 in North America (NANP)
	switch code {
	case 7, 370, 375, 992, 993, 996, 998: // national prefix 8
		p.firsts |= 1 << 8
	case 55: // 90, before the code of a carrier
		p.firsts |= 1 << 9
	}
	return p
}

// possible takes numbers that can be dialled from abroad; the library's own
// IsPossibleNumber takes those without an area code too.
func possible(number *phonenumbers.PhoneNumber) bool {
	return phonenumbers.IsPossibleNumberWithReason(number) == phonenumbers.IS_POSSIBLE
}

// append writes the number in E.164, unquoted.
func (r *phoneReader) append(dst, text []byte) ([]byte, bool) {
	if r.isE164(text) {
		return append(dst, text...), true
	}
	return r.appendSlow(dst, text)
}

// isE164 reports whether text is certainly a valid number in E.164. If it returns false,
// the library decides.
func (r *phoneReader) isE164(text []byte) bool {
	if len(text) < 1+minPhoneDigits || len(text) > 1+maxPhoneDigits || text[0] != '+' || skipDigits(text, 1) != len(text) {
		return false
	}
	code := 0
	for i := 1; i <= 3 && i < len(text); i++ {
		code = code*10 + int(text[i]-'0')
		plan := r.plans[code]
		if plan.lengths == 0 {
			continue
		}
		first := text[i+1] - '0'
		return plan.lengths&(1<<(len(text)-1-i)) != 0 && plan.firsts&(1<<first) == 0
	}
	return false
}

func (r *phoneReader) appendSlow(dst, text []byte) ([]byte, bool) {
	if !phoneShaped(text) || r.region == unknownRegion && text[0] != '+' {
		return dst, false
	}
	number, err := phonenumbers.Parse(string(text), r.region)
	if err != nil || !possible(number) || !r.unrepaired(text, number) {
		return dst, false
	}
	e164 := phonenumbers.Format(number, phonenumbers.E164)
	if len(e164) < 1+minPhoneDigits || len(e164) > 1+maxPhoneDigits {
		return dst, false
	}
	return append(dst, e164...), true
}

// unrepaired reports whether the library kept all digits of the text: the number
// with its calling code, or, for a number of the reader's region, with or
// without the national prefix. The check is needed because the library makes a
// number out of almost any digits by cutting some out.
func (r *phoneReader) unrepaired(text []byte, number *phonenumbers.PhoneNumber) bool {
	digits := make([]byte, 0, len(text))
	for _, c := range text {
		if c >= '0' && c <= '9' {
			digits = append(digits, c)
		}
	}
	national := phonenumbers.GetNationalSignificantNumber(number)
	code := strconv.Itoa(int(number.GetCountryCode()))
	if string(digits) == code+national {
		return true
	}
	if text[0] == '+' {
		// +44 (0)20 …: the national prefix stands in parentheses.
		return bytes.Contains(text, []byte("(0)")) && string(digits) == code+"0"+national
	}
	return string(digits) == national || string(digits) == phonenumbers.GetNddPrefixForRegion(r.region, true)+national
}

// phoneShaped takes digits with the usual punctuation and a plus only in front:
// the library would read a number out of almost any text.
func phoneShaped(text []byte) bool {
	digits := 0
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '+':
			if i != 0 {
				return false
			}
		case c == ' ' || c == '-' || c == '(' || c == ')' || c == '.' || c == '/':
			if i == 0 && c != '(' {
				return false
			}
		default:
			return false
		}
	}
	return digits >= minPhoneDigits
}
