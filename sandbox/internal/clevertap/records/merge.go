package records

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/clevertap/rules"
)

// merge applies the properties of a record to those a profile holds. Keys
// beyond the limit are left out and named in over.
func merge(held, sent []byte) (merged []byte, over [][]byte) {
	props := rules.Properties(make([]rules.Property, 0, 32), held)
	index := make(map[string]int, len(props)+16)
	custom := 0
	for i, p := range props {
		index[string(p.Key)] = i
		if !rules.SystemKeys[string(p.Key)] {
			custom++
		}
	}
	for _, p := range rules.Properties(nil, sent) {
		at, known := index[string(p.Key)]
		var old []byte
		if known {
			old = props[at].Value
		}
		value := applied(old, p.Value)
		switch {
		case known:
			props[at].Value = value
		case value == nil:
		case !rules.SystemKeys[string(p.Key)] && custom >= rules.MaxCustomKeys:
			over = append(over, p.Key)
		default:
			index[string(p.Key)] = len(props)
			props = append(props, rules.Property{Key: p.Key, Value: value})
			if !rules.SystemKeys[string(p.Key)] {
				custom++
			}
		}
	}
	kept := props[:0]
	for _, p := range props {
		if p.Value != nil {
			kept = append(kept, p)
		}
	}
	return rules.AppendObject(nil, kept), over
}

// applied is the new value of a property; nil means that it is gone.
func applied(old, sent []byte) []byte {
	if sent[0] != '{' {
		return limitItems(sent)
	}
	switch name, operand := rules.Operation(sent); name {
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
	s := &rules.Scanner{B: raw}
	// The text was accepted once, so a second reading cannot fail.
	_ = s.Array(func() error {
		item, err := s.Value()
		list = append(list, itemText(item))
		return err
	})
	return list
}

func itemText(raw []byte) []byte {
	if chars, ok := rules.Chars(raw); ok {
		return chars
	}
	return raw
}

func limitItems(raw []byte) []byte {
	if raw[0] != '[' || !rules.ScalarItems(raw) {
		return raw
	}
	return appendItems(nil, items(raw))
}

// appendItems keeps each item once and the newest hundred of them.
func appendItems(held, added [][]byte) []byte {
	list := make([][]byte, 0, len(held)+len(added))
	for _, item := range append(held, added...) {
		if len(item) <= rules.MaxValueBytes && !containsItem(list, item) {
			list = append(list, item)
		}
	}
	if len(list) > rules.MaxItems {
		list = list[len(list)-rules.MaxItems:]
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
		b = rules.AppendString(b, item)
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
