package rules

import "bytes"

// profileCode checks the system fields in CleverTap's order and returns the
// first code that applies, or 0. The second result says whether the phone
// number had been normalised by then, which shows in the echoed record.
//
// The recordings imply Email, Phone, Employed, Education, Married, Age; that
// Gender comes first is our choice, from the order of the codes.
func profileCode(f *fields) (code int, normalised bool) {
	switch {
	case f.gender != nil && !oneOf(f.gender, "M", "F"):
		return codeGender, false
	case f.email != nil && !ValidEmail(f.email):
		return codeEmail, false
	case f.phone != nil && !validPhone(f.phone):
		return codePhone, false
	case f.employed != nil && !oneOf(f.employed, "Y", "N"):
		return codeEmployed, true
	case f.education != nil && !oneOf(f.education, "School", "College", "Graduate"):
		return codeEducation, true
	case f.married != nil && !oneOf(f.married, "Y", "N"):
		return codeMarried, true
	case f.age != nil && !validAge(f.age):
		return codeAge, true
	}
	return 0, true
}

func oneOf(raw []byte, allowed ...string) bool {
	chars, ok := Chars(raw)
	if !ok {
		return false
	}
	for _, a := range allowed {
		if string(chars) == a {
			return true
		}
	}
	return false
}

// ValidEmail takes what has one at sign, a local part, and a domain of dotted
// labels. CleverTap publishes no pattern.
func ValidEmail(raw []byte) bool {
	chars, ok := Chars(raw)
	if !ok || len(chars) > MaxValueBytes {
		return false
	}
	local, domain, found := bytes.Cut(chars, []byte("@"))
	if !found || len(local) == 0 || bytes.ContainsAny(chars, " \t\r\n,;<>()[]\\\"") || bytes.IndexByte(domain, '@') >= 0 {
		return false
	}
	if local[0] == '.' || local[len(local)-1] == '.' || bytes.Contains(chars, []byte("..")) {
		return false
	}
	dot := bytes.LastIndexByte(domain, '.')
	if dot < 1 || len(domain)-dot < 3 {
		return false
	}
	first, last := domain[0], domain[len(domain)-1]
	return first != '.' && first != '-' && last != '-' && !bytes.Contains(domain, []byte("-."))
}

// validPhone takes a plus and 5 to 15 digits, nothing between them.
func validPhone(raw []byte) bool {
	chars, ok := Chars(raw)
	if !ok || len(chars) < 6 || len(chars) > 16 || chars[0] != '+' {
		return false
	}
	return AllDigits(chars[1:])
}

// validAge takes whole numbers, also written as text ("18" passes live).
func validAge(raw []byte) bool {
	if chars, ok := Chars(raw); ok {
		raw = chars
	}
	return len(raw) > 0 && len(raw) <= 3 && AllDigits(raw)
}

// validTimestamp takes positive epoch seconds. More than ten digits are
// milliseconds, which CleverTap does not take.
func validTimestamp(raw []byte) bool {
	return len(raw) <= 10 && AllDigits(raw) && raw[0] != '0'
}

// AllDigits reports whether the text is decimal digits only, and not empty.
func AllDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
