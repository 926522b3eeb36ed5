package snowflake

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// bindValue is one bound value as the drivers send it: a type and a text, or a list of texts.
type bindValue struct {
	Type   string          `json:"type"`
	Value  json.RawMessage `json:"value"`
	Format string          `json:"fmt"`
}

// readBinds orders the bindings of a request by their number.
func readBinds(in map[string]bindValue) ([]bindValue, error) {
	out := make([]bindValue, len(in))
	for key, v := range in {
		i, err := strconv.Atoi(key)
		if err != nil || i < 1 || i > len(in) {
			return nil, &Error{"002049", "42601", "SQL compilation error: error line 0 at position -1\nBind variable " + key + " not set."}
		}
		out[i-1] = v
	}
	return out, nil
}

// arrayRows splits array binds into one list of binds for each row; ok is false without arrays.
func arrayRows(binds []bindValue) (rows [][]bindValue, ok bool, err error) {
	for i, b := range binds {
		if !strings.HasPrefix(strings.TrimSpace(string(b.Value)), "[") {
			continue
		}
		var values []json.RawMessage
		if err := json.Unmarshal(b.Value, &values); err != nil {
			return nil, false, syntaxError("bad array bind")
		}
		if rows == nil {
			rows = make([][]bindValue, len(values))
			for k := range rows {
				rows[k] = make([]bindValue, len(binds))
			}
		}
		if len(values) != len(rows) {
			return nil, false, syntaxError("array binds of different lengths")
		}
		for k, v := range values {
			rows[k][i] = bindValue{Type: b.Type, Value: v}
		}
	}
	if rows == nil {
		return nil, false, nil
	}
	for i, b := range binds {
		for k := range rows {
			if rows[k][i].Type == "" {
				rows[k][i] = b
			}
		}
	}
	return rows, true, nil
}

// rebind starts again with other bound values, for the next row of an array.
func (r *rewriter) rebind(binds []bindValue) {
	r.env.binds, r.bindNext = binds, 0
	r.columns = r.columns[:0]
}

func (r *rewriter) bind(n node) (node, error) {
	i := r.bindNext
	if n.text != "" {
		v, err := strconv.Atoi(n.text)
		if err != nil {
			return node{}, syntaxError("bad bind :%s", n.text)
		}
		i = v - 1
	} else {
		r.bindNext++
	}
	if i < 0 || i >= len(r.env.binds) {
		return node{}, &Error{"002049", "42601", fmt.Sprintf("SQL compilation error: error line 0 at position -1\nBind variable ? not set (number %d).", i+1)}
	}
	return r.bindLiteral(r.env.binds[i])
}

// bindLiteral writes a bound value as a literal of its type.
func (r *rewriter) bindLiteral(b bindValue) (node, error) {
	var text *string
	if len(b.Value) > 0 {
		if err := json.Unmarshal(b.Value, &text); err != nil {
			bare := strings.TrimSpace(string(b.Value)) // a JSON number or boolean
			text = &bare
		}
	}
	if text == nil {
		return raw("NULL"), nil
	}
	bad := &Error{"002050", "22000", "SQL compilation error:\nbad value bound as " + b.Type}
	switch strings.ToUpper(b.Type) {
	case "FIXED":
		if !isNumeric(*text) {
			return node{}, bad
		}
		return node{kind: kindNumber, text: *text}, nil
	case "REAL":
		if _, err := strconv.ParseFloat(*text, 64); err != nil {
			return node{}, bad
		}
		return raw("CAST(" + sqlString(*text) + " AS DOUBLE)"), nil
	case "BOOLEAN":
		return raw("CAST(" + sqlString(*text) + " AS BOOLEAN)"), nil
	case "BINARY":
		return raw("from_hex(" + sqlString(*text) + ")"), nil
	case "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return r.bindTime(strings.ToUpper(b.Type), *text)
	case "TEXT", "ANY", "VARIANT", "OBJECT", "ARRAY", "":
		return node{kind: kindString, text: *text}, nil
	}
	return node{}, unsupported("a bind of type %s", b.Type)
}

func isNumeric(s string) bool {
	s = strings.TrimLeft(s, "+-")
	whole, fraction, ok := strings.Cut(s, ".")
	return isAllDigits(whole) && (!ok || isAllDigits(fraction))
}

// bindTime reads the drivers' integers: milliseconds of a DATE, nanoseconds of the others.
func (r *rewriter) bindTime(logical, text string) (node, error) {
	t := colType{Logical: logical, Scale: 9}
	number, offsetText, hasOffset := strings.Cut(strings.TrimSpace(text), " ")
	v, ok := new(big.Int).SetString(number, 10)
	if !ok { // a text with its own form
		return r.cast(node{kind: kindString, text: text}, t, false)
	}
	unit := int64(time.Second)
	if logical == "DATE" {
		unit = 1000
	}
	rest := new(big.Int)
	sec, rest := v.DivMod(v, big.NewInt(unit), rest)
	at := instant{sec: sec.Int64(), nsec: int32(rest.Int64() * (int64(time.Second) / unit)), zoned: true}
	if logical == "TIME" {
		return raw("CAST('" + at.time().Format("15:04:05.000000000") + "' AS TIME_NS)"), nil
	}
	if logical == "TIMESTAMP_NTZ" || logical == "DATE" {
		at.zoned = false
	}
	if hasOffset {
		minutes, err := strconv.Atoi(strings.TrimSpace(offsetText))
		if err != nil {
			return node{}, syntaxError("bad offset in a bound TIMESTAMP_TZ")
		}
		at.offset = minutes - 1440
	}
	return r.instantLiteral(at, t)
}
