package clevertap

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
)

var operators = []string{"$add", "$remove", "$set", "$delete", "$incr", "$decr"}

// operator reports whether an object is one operation and nothing else.
func operator(raw []byte) bool {
	name, _ := operation(raw)
	return name != ""
}

func operation(raw []byte) (name string, operand []byte) {
	props := properties(nil, raw)
	if len(props) != 1 {
		return "", nil
	}
	for _, op := range operators {
		if string(props[0].key) == op {
			return op, props[0].value
		}
	}
	return "", nil
}

// properties appends the members of an object that has been checked before.
func properties(into []property, raw []byte) []property {
	s := &scanner{b: raw}
	// The text was accepted once, so a second reading cannot fail.
	_ = s.object(func(key []byte) error {
		chars, _ := text(key)
		value, err := s.value()
		into = append(into, property{chars, value})
		return err
	})
	return into
}

// appendObject writes properties as a JSON object.
func appendObject(b []byte, props []property) []byte {
	b = append(b, '{')
	for i, p := range props {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.key)
		b = append(b, ':')
		b = append(b, p.value...)
	}
	return append(b, '}')
}

func appendString(b, chars []byte) []byte {
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

// merge applies the properties of a record to those a profile holds. Keys
// beyond the limit are left out and named in over.
func merge(held, sent []byte) (merged []byte, over [][]byte) {
	props := properties(make([]property, 0, 32), held)
	index := make(map[string]int, len(props)+16)
	custom := 0
	for i, p := range props {
		index[string(p.key)] = i
		if !systemKeys[string(p.key)] {
			custom++
		}
	}
	for _, p := range properties(nil, sent) {
		at, known := index[string(p.key)]
		var old []byte
		if known {
			old = props[at].value
		}
		value := applied(old, p.value)
		switch {
		case known:
			props[at].value = value
		case value == nil:
		case !systemKeys[string(p.key)] && custom >= maxCustomKeys:
			over = append(over, p.key)
		default:
			index[string(p.key)] = len(props)
			props = append(props, property{p.key, value})
			if !systemKeys[string(p.key)] {
				custom++
			}
		}
	}
	kept := props[:0]
	for _, p := range props {
		if p.value != nil {
			kept = append(kept, p)
		}
	}
	return appendObject(nil, kept), over
}

// applied is the new value of a property; nil means that it is gone.
func applied(old, sent []byte) []byte {
	if sent[0] != '{' {
		return limitItems(sent)
	}
	switch name, operand := operation(sent); name {
	case "$add":
		return appendItems(items(old), items(operand))
	case "$remove":
		return removeItems(old, items(operand))
	case "$set":
		return appendItems(nil, items(operand))
	case "$delete":
		return nil
	case "$incr":
		return increment(old, operand, 1)
	case "$decr":
		return increment(old, operand, -1)
	default:
		return sent
	}
}

// items reads a value as a list of strings: a scalar is promoted, and turned
// into text, because a multi-value property holds strings only.
func items(raw []byte) [][]byte {
	if len(raw) == 0 {
		return nil
	}
	if raw[0] != '[' {
		return [][]byte{itemText(raw)}
	}
	var list [][]byte
	s := &scanner{b: raw}
	// The text was accepted once, so a second reading cannot fail.
	_ = s.array(func() error {
		item, err := s.value()
		list = append(list, itemText(item))
		return err
	})
	return list
}

func itemText(raw []byte) []byte {
	if chars, ok := text(raw); ok {
		return chars
	}
	return raw
}

func limitItems(raw []byte) []byte {
	if raw[0] != '[' || !scalarItems(raw) {
		return raw
	}
	return appendItems(nil, items(raw))
}

// appendItems keeps each item once and the newest hundred of them.
func appendItems(held, added [][]byte) []byte {
	list := make([][]byte, 0, len(held)+len(added))
	for _, item := range append(held, added...) {
		if len(item) <= maxValueBytes && !containsItem(list, item) {
			list = append(list, item)
		}
	}
	if len(list) > maxItems {
		list = list[len(list)-maxItems:]
	}
	return encodeItems(list)
}

func removeItems(old []byte, removed [][]byte) []byte {
	var list [][]byte
	for _, item := range items(old) {
		if !containsItem(removed, item) {
			list = append(list, item)
		}
	}
	return encodeItems(list)
}

func containsItem(list [][]byte, item []byte) bool {
	for _, have := range list {
		if bytes.Equal(have, item) {
			return true
		}
	}
	return false
}

// encodeItems is nil for no items: removing the last value removes the property.
func encodeItems(list [][]byte) []byte {
	if len(list) == 0 {
		return nil
	}
	b := []byte{'['}
	for i, item := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, item)
	}
	return append(b, ']')
}

// increment adds exactly: whole numbers stay whole at any size.
func increment(old, by []byte, sign int64) []byte {
	sum, ok := exact(by)
	if !ok {
		return old
	}
	sum.Mul(sum, big.NewRat(sign, 1))
	if held, ok := exact(old); ok {
		sum.Add(sum, held)
	}
	if sum.IsInt() {
		return []byte(sum.Num().String())
	}
	f, _ := sum.Float64()
	return strconv.AppendFloat(nil, f, 'f', -1, 64)
}

// exact reads a number, also one written as text. An exponent goes through a
// float, because a rational of 1e999999999 would fill the memory.
func exact(raw []byte) (*big.Rat, bool) {
	digits := string(itemText(raw))
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, false
	}
	if strings.ContainsAny(digits, "eExXpP_") {
		return new(big.Rat).SetFloat64(f), true
	}
	return new(big.Rat).SetString(digits)
}
