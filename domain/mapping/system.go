package mapping

import (
	"slices"
	"strings"

	"tapline.dev/libs/jsonstring"
)

// systemProperty is a property of a profile that CleverTap knows by name.
type systemProperty struct {
	name    string   // as CleverTap spells it
	typ     string   // the default
	types   []string // that a mapping may name
	convert converter
	single  bool // never holds several values
	text    bool // any text will do, a hash too
	digits  bool // a number's digits will do
}

// systemProperties finds a system property by its name in lower case.
func systemProperties() map[string]*systemProperty {
	text, number := []string{typeString}, []string{typeInteger, typeLong}
	all := []*systemProperty{
		{name: "Name", typ: typeString, types: text, convert: convertName, single: true, text: true},
		{name: "Email", typ: typeString, types: text, convert: convertEmail, single: true},
		{name: "Phone", typ: typeString, types: text, convert: convertPhone, single: true, digits: true},
		{name: "Gender", typ: typeString, types: text, single: true,
			convert: oneOf(fault{codeGenderInvalid, "Gender is M or F"}, "M", "F")},
		{name: "Employed", typ: typeString, types: text, single: true,
			convert: oneOf(fault{codeEmployedInvalid, "Employed is Y or N"}, "Y", "N")},
		{name: "Education", typ: typeString, types: text, single: true,
			convert: oneOf(fault{codeEducationInvalid, "Education is School, College or Graduate"}, "School", "College", "Graduate")},
		{name: "Married", typ: typeString, types: text, single: true,
			convert: oneOf(fault{codeMarriedInvalid, "Married is Y or N"}, "Y", "N")},
		{name: "Age", typ: typeInteger, types: number, convert: convertAge, single: true},
		{name: "DOB", typ: typeDate, types: []string{typeDate}, convert: convertDate, single: true},
		{name: "Photo", typ: typeString, types: text, convert: convertString, text: true},
		{name: "identity", typ: typeString, types: text, convert: convertAlias, single: true, digits: true},
		{name: "FBID", typ: typeString, types: text, convert: convertString, single: true, text: true},
		{name: "GPID", typ: typeString, types: text, convert: convertString, single: true, text: true},
	}
	byName := make(map[string]*systemProperty, len(all))
	for _, p := range all {
		byName[strings.ToLower(p.name)] = p
	}
	return byName
}

// IsSystemProperty reports whether a property of profiles is one of CleverTap's own,
// which do not count towards an account's.
func IsSystemProperty(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, messagePrefix) || systemProperties()[lower] != nil
}

// systemProperty finds the rules of a profile's property in any case, nil if it
// has none.
func (c *compiler) systemProperty(name string) *systemProperty {
	lower := strings.ToLower(name)
	if channel, ok := strings.CutPrefix(lower, messagePrefix); ok && channel != "" {
		name = "MSG-" + name[len(messagePrefix):]
		if slices.Contains(channels(), channel) {
			name = "MSG-" + channel
		}
		return &systemProperty{name: name, typ: typeBoolean, types: []string{typeBoolean}, convert: convertMessageFlag, single: true}
	}
	return c.system[lower]
}

// channels are those that CleverTap spells in its documentation.
func channels() []string { return []string{"email", "push", "sms", "whatsapp"} }

// convertName takes any text but one with a character that changes the direction
// of the text after it, or with NUL.
func convertName(p *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	if text, ok := textOf(t, s); ok && hasUnseen(text, turnsText) {
		return dst, unseenFault("the name", text, turnsText)
	}
	return convertString(p, dst, t, s)
}

// convertAlias makes another identity for the profile.
func convertAlias(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	text, f := appendIdentity(s.text[:0], t)
	s.text = text
	if f.none() {
		f = checkIdentity(text, false)
	}
	if !f.none() {
		return dst, f
	}
	return jsonstring.Append(dst, text), fault{}
}

func convertMessageFlag(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	return appendBoolean(dst, t, s, fault{codeMsgFlagInvalid, "a MSG flag is 0, 1, true or false"})
}

func convertEmail(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	text, ok := textOf(t, s)
	valid := ok && t.kind == kindText && validEmail(text)
	// A valid address in ASCII holds no such character, so it need not be searched.
	if ok && (!valid || !isASCII(text)) && hasUnseen(text, unseenInKey) {
		return dst, unseenFault("the address", text, unseenInKey)
	}
	if !valid {
		return dst, fault{codeEmailInvalid, "the value is not an e-mail address"}
	}
	return appendLimited(dst, text, t)
}

func convertPhone(p *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	bad := fault{codePhoneInvalid, "the value is not a phone number with + and a calling code"}
	text, ok := textOf(t, s)
	if !ok || t.kind != kindText && t.kind != kindNumber {
		return dst, bad
	}
	dst = append(dst, '"')
	out, ok := p.phone.append(dst, text)
	if !ok {
		return dst[:len(dst)-1], bad
	}
	return append(out, '"'), fault{}
}

// maxAge is generous; CleverTap's own bound is not documented.
const maxAge = "150"

func convertAge(p *property, dst []byte, t token, s *scratch) ([]byte, fault) {
	start := len(dst)
	out, f := convertInteger(p, dst, t, s)
	digits := out[start:]
	if !f.none() || digits[0] == '-' || len(digits) > len(maxAge) || len(digits) == len(maxAge) && string(digits) > maxAge {
		return dst, fault{codeAgeInvalid, "Age is a whole number from 0 to 150"}
	}
	return out, fault{}
}

// oneOf takes a text that is one of the words, in their own case.
func oneOf(bad fault, words ...string) converter {
	return func(_ *property, dst []byte, t token, s *scratch) ([]byte, fault) {
		text, ok := textOf(t, s)
		if t.kind != kindText || !ok {
			return dst, bad
		}
		for _, w := range words {
			if string(text) == w {
				return jsonstring.Append(dst, text), fault{}
			}
		}
		return dst, bad
	}
}
