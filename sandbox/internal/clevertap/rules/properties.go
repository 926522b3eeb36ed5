package rules

import "encoding/json"

var operators = []string{"$add", "$remove", "$set", "$delete", "$incr", "$decr"}

// operator reports whether an object is one operation and nothing else.
func operator(raw []byte) bool {
	name, _ := Operation(raw)
	return name != ""
}

// Operation is the operator of an object and what it applies, or "".
func Operation(raw []byte) (name string, operand []byte) {
	props := Properties(nil, raw)
	if len(props) != 1 {
		return "", nil
	}
	for _, op := range operators {
		if string(props[0].Key) == op {
			return op, props[0].Value
		}
	}
	return "", nil
}

// Properties appends the members of an object that has been checked before.
func Properties(into []Property, raw []byte) []Property {
	s := &Scanner{B: raw}
	// The text was accepted once, so a second reading cannot fail.
	_ = s.object(func(key []byte) error {
		chars, _ := Chars(key)
		value, err := s.Value()
		into = append(into, Property{chars, value})
		return err
	})
	return into
}

// AppendObject writes properties as a JSON object.
func AppendObject(b []byte, props []Property) []byte {
	b = append(b, '{')
	for i, p := range props {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, p.Key)
		b = append(b, ':')
		b = append(b, p.Value...)
	}
	return append(b, '}')
}

// AppendString writes a JSON string.
func AppendString(b, chars []byte) []byte {
	for _, c := range chars {
		if c < 0x20 || c == '"' || c == '\\' {
			// A string always encodes.
			quoted, _ := json.Marshal(string(chars))
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, chars...)
	return append(b, '"')
}
