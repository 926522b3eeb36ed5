package mapping

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tapline.dev/libs/jsonstring"
	"tapline.dev/schemas"
)

// scanAll reads a row with the flat scanner; later members replace earlier ones.
func scanAll(row []byte) (map[string]token, bool) {
	scan := rowScanner{b: row}
	if !scan.open() {
		return nil, false
	}
	members := map[string]token{}
	for {
		key, value, _, more, ok := scan.next(nil)
		if !ok {
			return nil, false
		}
		if !more {
			return members, true
		}
		name, _ := unescapeLoosely(key)
		members[name] = value
	}
}

// unescapeLoosely puts U+FFFD in place of lone surrogates, as encoding/json does.
func unescapeLoosely(t token) (string, bool) {
	var s string
	err := json.Unmarshal([]byte(`"`+string(t.raw)+`"`), &s)
	return s, err == nil
}

// checkScan compares the scanner with encoding/json on one input.
func checkScan(t *testing.T, row []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	isObject := bytes.HasPrefix(bytes.TrimLeft(row, " \t\r\n"), []byte("{"))
	valid := json.Unmarshal(row, &want) == nil && isObject
	got, ok := scanAll(row)
	if ok != valid {
		t.Fatalf("%q: scanner %v, encoding/json %v", row, ok, valid)
	}
	if !ok {
		return
	}
	if len(got) != len(want) {
		t.Fatalf("%q: %d members, want %d", row, len(got), len(want))
	}
	for name, raw := range want {
		value, found := got[name]
		if !found {
			t.Fatalf("%q: no member %q", row, name)
		}
		written := value.raw
		if value.kind == kindText {
			written = append(append([]byte{'"'}, written...), '"')
		}
		if !bytes.Equal(bytes.TrimSpace(raw), written) {
			t.Fatalf("%q: %q is %s, want %s", row, name, written, raw)
		}
		checkText(t, value, raw)
	}
}

// checkText compares what a JSON string means, and that it is written back so
// that it means the same.
func checkText(t *testing.T, value token, raw []byte) {
	t.Helper()
	if value.kind != kindText {
		return
	}
	text, ok := appendUnescaped(nil, value.raw)
	if !ok || !utf8.Valid(raw) {
		return // a lone surrogate or no UTF-8: the mapping rejects it
	}
	var want, again string
	if err := json.Unmarshal(raw, &want); err != nil || string(text) != want {
		t.Fatalf("%s means %q, want %q", raw, text, want)
	}
	if err := json.Unmarshal(jsonstring.Append(nil, text), &again); err != nil || again != want {
		t.Fatalf("%q is written as %s", text, jsonstring.Append(nil, text))
	}
}

func scanSeeds() []string {
	return []string{
		`{}`, ` { } `, `{"a":1}`, `{"a":"b","a":"c"}`, "\t{\"a\" :\n[1 , {\"b\":null}]\r}", `{"a":-0.5e+10,"b":0,"c":-0}`,
		`{"\u0061\n":"\ud83d\ude00\"\\\/\b\f\n\r\t"}`, `{"a":"\ud83d"}`, `{"a":"\ud83dx"}`, `{"a":"\udc00\ud83d"}`, `{"a":tru}`, `{"a":01}`, `{"a":1.}`, `{"a":.1}`, `{"a":+1}`,
		`{"a":1e}`, `{"a":-}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":{"b":1,}}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, "{\"a\":\"\x01\"}",
		`[]`, `null`, `"a"`, ``, ` `, `{"a":1}}`, `{"a":1} {`, `{"a":[`, `{"a":{"b"`, `{"a":"`, `{"a":{}}`, `{"a":[[[]]]}`, `{"a":{"b":{}} }`, "{\"a\":\"\u2028\"}",
		`{"a":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`, `{"a":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + `}`,
	}
}

func TestScanner(t *testing.T) {
	t.Parallel()
	for _, row := range scanSeeds() {
		checkScan(t, []byte(row))
	}
}

func FuzzScanner(f *testing.F) {
	for _, seed := range scanSeeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, row []byte) { checkScan(t, row) })
}

// FuzzMap maps any bytes with a mapping that has every kind of property: no
// panic, a record is JSON in UTF-8, exact numbers stay as they are.
func FuzzMap(f *testing.F) {
	spec := profile(f, `"S"`, `{"from":"I","to":"i","type":"integer"}`, `{"from":"F","to":"f","type":"float"}`, `{"from":"B","to":"b","type":"boolean"}`,
		`{"from":"D","to":"d","type":"date","format":"dd/MM/yyyy HH:mm:ss"}`, `{"from":"E","to":"Email"}`, `{"from":"P","to":"Phone","defaultRegion":"IN"}`,
		`{"from":"O","to":"o","type":"object"}`, `{"from":"A","to":"a","op":"add"}`, `{"from":"S","to":"h","transform":"sha256"}`,
		`{"from":"V","to":"v"}`, `{"expr":"(S ?? \"\") + \"x\"","to":"x","onInvalid":"omit"}`)
	m := compiled(f, spec, nil, Options{Nested: true})
	f.Add([]byte(`{"ID":"u","S":"a\u00e9<","I":"+007","F":"12.50","B":"TRUE","D":"01/02/2024 03:04:05","E":"a@b.co","P":"98765 43210","O":{"a":[1]},"A":["x"],"V":12345678901234567890.12}`))
	f.Add([]byte(`{"ID":0,"S":null,"I":9223372036854775808,"F":1e999,"B":2,"D":"2024-01-01","E":"","P":"+44+441234","O":[],"A":{},"V":[1]}`))
	for _, seed := range scanSeeds() {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		record, rejects := m.Map(nil, row, clock)
		all, allRejects, _ := m.MapAll(nil, row, clock)
		if len(rejects) == 0 != (len(allRejects) == 0) || !bytes.Equal(record, all) {
			t.Fatalf("%q: Map and MapAll differ: %v, %v", row, rejects, allRejects)
		}
		if len(rejects) > 0 {
			if len(record) > 0 || rejects[0] != allRejects[0] {
				t.Fatalf("%q: got %q, %v and %v", row, record, rejects, allRejects)
			}
			checkReject(t, rejects[0], "")
			return
		}
		if !json.Valid(record) || !utf8.Valid(record) {
			t.Fatalf("%q became %q", row, record)
		}
		checkExact(t, row, record)
	})
}

// checkExact compares the float property with the number in the row.
func checkExact(t *testing.T, row, record []byte) {
	t.Helper()
	members, _ := scanAll(row)
	var out struct {
		Identity string `json:"identity"`
		Data     struct {
			F json.RawMessage `json:"f"`
		} `json:"profileData"`
	}
	if err := json.Unmarshal(record, &out); err != nil {
		t.Fatal(err)
	}
	if in := members["F"]; in.kind == kindNumber && !bytes.Equal(in.raw, out.Data.F) {
		t.Fatalf("%s became %s", in.raw, out.Data.F)
	}
	if out.Identity == "" {
		t.Fatalf("%q: a record without an identity: %s", row, record)
	}
}

// TestRowsOutOfOrder: a row is read as the first one would be, wherever its columns stand:
// what a mapping has learned of the order of earlier rows makes it faster, and nothing else.
func TestRowsOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		compile := func() *Mapping {
			spec := schemas.ImportSpec{
				Destination: schemas.Destination{Type: schemas.TypeProfile}, Identity: schemas.Identity{Column: "ID"},
				Mapping: []schemas.Property{{From: "NAME", To: "Name"}, {From: "A\"B", To: "quoted"}, {From: "CITY", To: "city"}},
			}
			columns := []schemas.Column{{Name: "ID", Type: "FIXED"}, {Name: "NAME", Type: "TEXT"}, {Name: "A\"B", Type: "TEXT"}, {Name: "OTHER", Type: "TEXT"}, {Name: "CITY", Type: "TEXT"}}
			if !known {
				columns = nil
			}
			m, problems := Compile(spec, columns, Options{})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			return m
		}
		learned := compile()
		const first = `{"ID":1,"NAME":"a","A\"B":"b","OTHER":"c","CITY":"d"}`
		if _, rejects := learned.Map(nil, []byte(first), 1); len(rejects) > 0 {
			t.Fatal(rejects)
		}
		for _, row := range []string{
			first,
			`{"ID":2,"NAME":"x","A\"B":"y","OTHER":"z","CITY":"w"}`,
			`{"CITY":"d","OTHER":"c","A\"B":"b","NAME":"a","ID":3}`,
			`{ "ID" : 4 , "NAME" : "a" , "A\u0022B":"b","OTHER":"c","CITY": "d" }`,
			`{"ID":5,"NAME":null}`,
			`{"ID":6,"NAME":"a","NAME":"again","CITY":"d"}`,
			`{"ID":7,"NAMES":"a","name":"b","CITY2":"d"}`,
			`{"id":8,"NAME":"a","A\"B":"b","other":"c","city":"d"}`,
			`{"ID":9,"NAME":"a","A\"B":"b","OTHER":"c","CITY":"d","MORE":{"NAME":"no"}}`,
			`{"ID":10,"NAME":"a","A\"B":"b","OTHER":"c","CITY":}`,
			`{"ID":11"NAME":"a"}`, `{"ID":12,}`, `{"ID":13,"NAME":"a"`, `{"ID":14,"NAME"}`, `{}`, `{"ID":`,
		} {
			want, wantRejects := compile().Map(nil, []byte(row), 1)
			got, rejects := learned.Map(nil, []byte(row), 1)
			if string(got) != string(want) || !slices.Equal(rejects, wantRejects) {
				t.Errorf("known=%v: %s is mapped to %s %v, and by a mapping that has seen no row to %s %v", known, row, got, rejects, want, wantRejects)
			}
		}
	}
}
