package rewrite

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// BindValue is one bound value as the drivers send it: a type and a text, or a list of texts.
type BindValue struct {
	Type   string          `json:"type"`
	Value  json.RawMessage `json:"value"`
	Format string          `json:"fmt"`
}

// ReadBinds returns the bindings of a request in the order of their numbers.
func ReadBinds(in map[string]BindValue) ([]BindValue, error) {
	out := make([]BindValue, len(in))
	for key, v := range in {
		i, err := strconv.Atoi(key)
		if err != nil || i < 1 || i > len(in) {
			return nil, sferr.New("002049", "42601", "SQL compilation error: error line 0 at position -1\nBind variable "+key+" not set.")
		}
		out[i-1] = v
	}
	return out, nil
}

// ArrayRows splits array binds into one list of binds for each row; ok is false if the binds are no arrays.
func ArrayRows(binds []BindValue) (rows [][]BindValue, ok bool, err error) {
	for i, b := range binds {
		if !strings.HasPrefix(strings.TrimSpace(string(b.Value)), "[") {
			continue
		}
		var values []json.RawMessage
		if err := json.Unmarshal(b.Value, &values); err != nil {
			return nil, false, sferr.Syntax("bad array bind")
		}
		if rows == nil {
			rows = make([][]BindValue, len(values))
			for k := range rows {
				rows[k] = make([]BindValue, len(binds))
			}
		}
		if len(values) != len(rows) {
			return nil, false, sferr.Syntax("array binds of different lengths")
		}
		for k, v := range values {
			rows[k][i] = BindValue{Type: b.Type, Value: v}
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

// Rebind resets the rewriter with the bound values of an array's next row.
func (r *Rewriter) Rebind(binds []BindValue) {
	r.env.Binds, r.bindNext = binds, 0
	r.Columns = r.Columns[:0]
}

func (r *Rewriter) bind(n sqltext.Node) (sqltext.Node, error) {
	i := r.bindNext
	if n.Text != "" {
		v, err := strconv.Atoi(n.Text)
		if err != nil {
			return sqltext.Node{}, sferr.Syntax("bad bind :%s", n.Text)
		}
		i = v - 1
	} else {
		r.bindNext++
	}
	if i < 0 || i >= len(r.env.Binds) {
		return sqltext.Node{}, sferr.New("002049", "42601", fmt.Sprintf("SQL compilation error: error line 0 at position -1\nBind variable ? not set (number %d).", i+1))
	}
	return r.bindLiteral(r.env.Binds[i])
}

// bindLiteral writes a bound value as a literal of its type.
func (r *Rewriter) bindLiteral(b BindValue) (sqltext.Node, error) {
	var text *string
	if len(b.Value) > 0 {
		if err := json.Unmarshal(b.Value, &text); err != nil {
			bare := strings.TrimSpace(string(b.Value)) // a JSON number or boolean
			text = &bare
		}
	}
	if text == nil {
		return sqltext.Raw("NULL"), nil
	}
	bad := sferr.New("002050", "22000", "SQL compilation error:\nbad value bound as "+b.Type)
	switch strings.ToUpper(b.Type) {
	case "FIXED":
		if !isNumeric(*text) {
			return sqltext.Node{}, bad
		}
		return sqltext.Node{Kind: sqltext.KindNumber, Text: *text}, nil
	case "REAL":
		if _, err := strconv.ParseFloat(*text, 64); err != nil {
			return sqltext.Node{}, bad
		}
		return sqltext.Raw("CAST(" + sqltext.Literal(*text) + " AS DOUBLE)"), nil
	case "BOOLEAN":
		return sqltext.Raw("CAST(" + sqltext.Literal(*text) + " AS BOOLEAN)"), nil
	case "BINARY":
		return sqltext.Raw("from_hex(" + sqltext.Literal(*text) + ")"), nil
	case "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return r.bindTime(strings.ToUpper(b.Type), *text)
	case "TEXT", "ANY", "VARIANT", "OBJECT", "ARRAY", "":
		return sqltext.Node{Kind: sqltext.KindString, Text: *text}, nil
	}
	return sqltext.Node{}, sferr.Unsupported("a bind of type %s", b.Type)
}

func isNumeric(s string) bool {
	s = strings.TrimLeft(s, "+-")
	whole, fraction, ok := strings.Cut(s, ".")
	return values.IsAllDigits(whole) && (!ok || values.IsAllDigits(fraction))
}

// bindTime reads the drivers' integers: milliseconds of a DATE, nanoseconds of the others.
func (r *Rewriter) bindTime(logical, text string) (sqltext.Node, error) {
	t := sftype.Type{Logical: logical, Scale: 9}
	number, offsetText, hasOffset := strings.Cut(strings.TrimSpace(text), " ")
	v, ok := new(big.Int).SetString(number, 10)
	if !ok { // a text with its own form
		return r.cast(sqltext.Node{Kind: sqltext.KindString, Text: text}, t, false)
	}
	unit := int64(time.Second)
	if logical == "DATE" {
		unit = 1000
	}
	rest := new(big.Int)
	sec, rest := v.DivMod(v, big.NewInt(unit), rest)
	at := values.Instant{Sec: sec.Int64(), Nsec: int32(rest.Int64() * (int64(time.Second) / unit)), Zoned: true}
	if logical == "TIME" {
		return sqltext.Raw("CAST('" + at.Time().Format("15:04:05.000000000") + "' AS TIME_NS)"), nil
	}
	if logical == "TIMESTAMP_NTZ" || logical == "DATE" {
		at.Zoned = false
	}
	if hasOffset {
		minutes, err := strconv.Atoi(strings.TrimSpace(offsetText))
		if err != nil {
			return sqltext.Node{}, sferr.Syntax("bad offset in a bound TIMESTAMP_TZ")
		}
		at.Offset = minutes - 1440
	}
	return r.instantLiteral(at, t)
}
