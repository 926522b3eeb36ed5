package mapping

import (
	"strings"
	"testing"
)

// TestValues gives each rule values that pass and values that do not: what
// CleverTap gets, or the code of the reject.
func TestValues(t *testing.T) {
	t.Parallel()
	long512, long513 := strings.Repeat("a", 512), strings.Repeat("a", 513)
	euro := strings.Repeat("€", 170) // 510 bytes
	for _, tt := range []struct {
		name, mapping, columns string
		values                 map[string]string // row value → outcome
	}{
		{"string", `{"from":"V","to":"p","type":"string"}`, "ID TEXT; V TEXT", map[string]string{
			`"gold"`: `"gold"`, `""`: `""`, `"a<b>&c"`: `"a<b>&c"`, `"é\u00e9\n\"\\\/"`: `"éé\n\"\\/"`, `"\ud83d\ude00"`: `"😀"`,
			`"` + long512 + `"`: `"` + long512 + `"`, `"` + long513 + `"`: codeValueTooLong,
			`"` + euro + `aa"`: `"` + euro + `aa"`, `"` + euro + `aaa"`: codeValueTooLong,
			`"\ud83d"`: codeTypeMismatch, `12.50`: `"12.50"`, `true`: `"true"`, `null`: ``,
		}},
		{"integer", `{"from":"V","to":"p","type":"integer"}`, "ID TEXT; V TEXT", map[string]string{
			`5`: `5`, `5.00`: `5`, `5.10`: codeTypeMismatch, `-0`: `0`, `9223372036854775807`: `9223372036854775807`,
			`9223372036854775808`: codeOutOfRange, `-9223372036854775808`: `-9223372036854775808`, `-9223372036854775809`: codeOutOfRange,
			`"+007"`: `7`, `"-007"`: `-7`, `"5.00"`: `5`, `"1e3"`: codeTypeMismatch, `" 5"`: codeTypeMismatch, `"5 "`: codeTypeMismatch,
			`""`: codeTypeMismatch, `"+"`: codeTypeMismatch, `"5."`: codeTypeMismatch, `"12a"`: codeTypeMismatch, `"00000000000000000000000005"`: `5`,
			`1.5e3`: `1500`, `1e18`: `1000000000000000000`, `1e19`: codeOutOfRange, `1.5e0`: codeTypeMismatch, `1e-400`: codeTypeMismatch, `1e400`: codeOutOfRange,
			`true`: codeTypeMismatch, `[1]`: codeTypeMismatch, `99999999999999999999999999999999999999`: codeOutOfRange,
		}},
		{"long", `{"from":"V","to":"p","type":"long"}`, "ID TEXT; V NUMBER(38,0)", map[string]string{
			`9007199254740993`: `9007199254740993`, `9223372036854775808`: codeOutOfRange,
		}},
		{"float", `{"from":"V","to":"p","type":"float"}`, "ID TEXT; V TEXT", map[string]string{
			`12.50`: `12.50`, `0.1`: `0.1`, `1e21`: `1e21`, `1e400`: codeOutOfRange, `12345678901234567890.123456789`: `12345678901234567890.123456789`,
			`"12.50"`: `12.50`, `"+12.50"`: `12.50`, `"-007.5"`: `-7.5`, `".5"`: `0.5`, `"-.5"`: `-0.5`, `"1e5"`: `1e5`, `"1e999"`: codeOutOfRange,
			`"NaN"`: codeOutOfRange, `"inf"`: codeOutOfRange, `"-Infinity"`: codeOutOfRange, `"x"`: codeTypeMismatch, `""`: codeTypeMismatch,
			`"1,5"`: codeTypeMismatch, `" 1"`: codeTypeMismatch, `"5."`: codeTypeMismatch, `"."`: codeTypeMismatch, `"-"`: codeTypeMismatch, `false`: codeTypeMismatch,
			`"` + strings.Repeat("1", 400) + `"`: codeOutOfRange, `"0.` + strings.Repeat("1", 511) + `"`: codeValueTooLong,
		}},
		{"boolean", `{"from":"V","to":"p","type":"boolean"}`, "ID TEXT; V TEXT", map[string]string{
			`true`: `true`, `false`: `false`, `0`: `false`, `1`: `true`, `"TRUE"`: `true`, `"False"`: `false`, `"1"`: `true`, `"0"`: `false`,
			`2`: codeTypeMismatch, `1.0`: codeTypeMismatch, `"yes"`: codeTypeMismatch, `""`: codeTypeMismatch, `" true"`: codeTypeMismatch,
		}},
		{"by column: NUMBER(10,0)", `"V"`, "ID TEXT; V NUMBER(10,0)", map[string]string{`12`: `12`}},
		{"by column: NUMBER(10,2)", `"V"`, "ID TEXT; V NUMBER(10,2)", map[string]string{`12.00`: `12.00`}},
		{"by column: FLOAT", `"V"`, "ID TEXT; V REAL", map[string]string{`12`: `12`, `"NaN"`: codeOutOfRange}},
		{"by column: BOOLEAN", `"V"`, "ID TEXT; V BOOLEAN", map[string]string{`true`: `true`}},
		{"by column: VARCHAR", `"V"`, "ID TEXT; V TEXT", map[string]string{`"12"`: `"12"`}},
		{"by column: BINARY", `"V"`, "ID TEXT; V BINARY", map[string]string{`"0aff"`: `"0aff"`}},
		{"by form", `"V"`, "", map[string]string{
			`12`: `12`, `12.00`: `12.00`, `true`: `true`, `"12"`: `"12"`, `"2026-11-23"`: `"2026-11-23"`, `{"a":1}`: codeTypeMismatch,
			`9223372036854775808`: codeOutOfRange,
		}},
		{"object as text", `{"from":"V","to":"p","type":"string"}`, "ID TEXT; V VARIANT", map[string]string{`{"a":"b"}`: `"{\"a\":\"b\"}"`}},
		{"sha256", `{"from":"V","to":"p","transform":"sha256"}`, "ID TEXT; V TEXT", map[string]string{
			`"abc"`: `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`, `"\u0061bc"`: `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`,
			`null`: ``, `"` + long513 + `"`: codeValueTooLong,
		}},
		{"sha256 of a number", `{"from":"V","to":"p","transform":"sha256"}`, "ID TEXT; V NUMBER(5,0)", map[string]string{
			`1`: `"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"`,
		}},
		{"null default", `{"from":"V","to":"p","onNull":"default","default":"none"}`, "ID TEXT; V TEXT", map[string]string{`null`: `"none"`, `""`: `""`}},
		{"null reject", `{"from":"V","to":"p","onNull":"reject","onInvalid":"omit"}`, "ID TEXT; V TEXT", map[string]string{`null`: codeNullRejected, `"x"`: `"x"`}},
		{"invalid omit", `{"from":"V","to":"p","type":"integer","onInvalid":"omit"}`, "ID TEXT; V TEXT", map[string]string{`"x"`: ``, `"5"`: `5`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cols := columns(t, tt.columns)
			if tt.columns == "" {
				cols = nil
			}
			m := compiled(t, profile(t, tt.mapping), cols, Options{})
			for value, want := range tt.values {
				if got := outcome(t, m, value); got != want {
					t.Errorf("%s: got %s, want %s", value, got, want)
				}
			}
		})
	}
}

func TestSystemProperties(t *testing.T) {
	t.Parallel()
	for target, values := range map[string]map[string]string{
		"Email": {
			`"a.b+c@example.co"`: `"a.b+c@example.co"`, `"1234"`: codeEmailInvalid, `"$$$$$"`: codeEmailInvalid, `"a@b"`: codeEmailInvalid,
			`"a@@b.co"`: codeEmailInvalid, `"a b@c.de"`: codeEmailInvalid, `".a@b.co"`: codeEmailInvalid, `"a..b@c.de"`: codeEmailInvalid, `"a.@b.co"`: codeEmailInvalid,
			`"a@-b.co"`: codeEmailInvalid, `"a@b-.co"`: codeEmailInvalid, `"a@b.c"`: codeEmailInvalid, `"a@b.123"`: codeEmailInvalid, `"a@b_c.de"`: codeEmailInvalid,
			`""`: codeEmailInvalid, `12`: codeEmailInvalid, `"a@b..de"`: codeEmailInvalid, `"a@.de"`: codeEmailInvalid, `"@b.de"`: codeEmailInvalid, `"o'neil@b.de"`: `"o'neil@b.de"`,
		},
		"Phone": {
			`"+14155551234"`: `"+14155551234"`, `"+35922333232"`: `"+35922333232"`, `"+44+441234"`: codePhoneInvalid, `"223"`: codePhoneInvalid,
			`"123"`: codePhoneInvalid, `"14155551234"`: codePhoneInvalid, `14155551234`: codePhoneInvalid, `"+1 (415) 555-1234"`: `"+14155551234"`,
			`"+44 020 7123 4567"`: codePhoneInvalid, `"+44 (0)20 7123 4567"`: `"+442071234567"`, `"+999123456789"`: codePhoneInvalid, `"+1415"`: codePhoneInvalid, `"call +14155551234"`: codePhoneInvalid,
			`"+"`: codePhoneInvalid, `""`: codePhoneInvalid, `"+390612345678"`: `"+390612345678"`,
		},
		"Gender":    {`"M"`: `"M"`, `"F"`: `"F"`, `"m"`: codeGenderInvalid, `"X"`: codeGenderInvalid, `1`: codeGenderInvalid},
		"Employed":  {`"Y"`: `"Y"`, `"N"`: `"N"`, `"yes"`: codeEmployedInvalid, `true`: codeEmployedInvalid},
		"Education": {`"School"`: `"School"`, `"College"`: `"College"`, `"Graduate"`: `"Graduate"`, `"PhD"`: codeEducationInvalid},
		"Married":   {`"Y"`: `"Y"`, `"N"`: `"N"`, `"no"`: codeMarriedInvalid},
		"Age":       {`18`: `18`, `"18"`: `18`, `"aa"`: codeAgeInvalid, `-1`: codeAgeInvalid, `150`: `150`, `151`: codeAgeInvalid, `1800`: codeAgeInvalid, `17.5`: codeAgeInvalid, `0`: `0`},
		"MSG-sms":   {`true`: `true`, `"0"`: `false`, `1`: `true`, `"TRUE"`: `true`, `"yes"`: codeMsgFlagInvalid, `2`: codeMsgFlagInvalid},
		"msg-Email": {`"false"`: `false`, `"no"`: codeMsgFlagInvalid},
		"DOB":       {`"1970-01-02"`: `"$D_129600"`, `"1969-12-31"`: `"$D_-43200"`, `"1970"`: codeDateFormat},
		"Name":      {`"Asha"`: `"Asha"`, `"` + strings.Repeat("n", 513) + `"`: codeValueTooLong},
		"email":     {`"x"`: codeEmailInvalid},
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			for _, cols := range []string{"ID TEXT; V VARIANT", ""} {
				m := compiled(t, profile(t, `{"from":"V","to":"`+target+`"}`), columnsOrNil(t, cols), Options{})
				for value, want := range values {
					if got := outcome(t, m, value); got != want {
						t.Errorf("%s: got %s, want %s", value, got, want)
					}
				}
			}
		})
	}
	// An event's property of the same name has no rule of its own.
	m := compiled(t, eventSpec(t, `{"name":"Buy"}`, `{"from":"V","to":"Email"}`), nil, Options{})
	if record, rejects := m.Map(nil, []byte(`{"ID":"u","V":"none"}`), clock); rejects != nil {
		t.Errorf("got %s %v", record, rejects)
	}
}

func TestPhoneRegion(t *testing.T) {
	t.Parallel()
	m := compiled(t, profile(t, `{"from":"V","to":"Phone","defaultRegion":"IN"}`), nil, Options{})
	for value, want := range map[string]string{
		`"98765 43210"`: `"+919876543210"`, `9876543210`: `"+919876543210"`, `"09876543210"`: `"+919876543210"`, `"+14155551234"`: `"+14155551234"`, `"12"`: codePhoneInvalid,
	} {
		if got := outcome(t, m, value); got != want {
			t.Errorf("%s: got %s, want %s", value, got, want)
		}
	}
}

func TestNested(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		typ    string
		values map[string]string
	}{
		{"object", map[string]string{
			`{"a": 1, "b": {"c": [true, null]}}`: `{"a":1,"b":{"c":[true,null]}}`, `{}`: `{}`, `{"a":{"b":{"c":{"d":1}}}}`: codeNestedInvalid,
			`{"a.b":1}`: codeNestedInvalid, `{"":1}`: codeNestedInvalid, `[1]`: codeTypeMismatch, `"x"`: codeTypeMismatch,
			`{"a":"` + strings.Repeat("x", 513) + `"}`: codeValueTooLong, `{"a":1e999}`: codeOutOfRange, `{"a":12.50}`: `{"a":12.50}`,
		}},
		{"array", map[string]string{`["a", "b"]`: `["a","b"]`, `[]`: `[]`, `[[[1]]]`: `[[[1]]]`, `[[[[1]]]]`: codeNestedInvalid, `{"a":1}`: codeTypeMismatch}},
	} {
		m := compiled(t, profile(t, `{"from":"V","to":"p","type":"`+tt.typ+`"}`), columns(t, "ID TEXT; V VARIANT"), Options{Nested: true})
		for value, want := range tt.values {
			if got := outcome(t, m, value); got != want {
				t.Errorf("%s: got %s, want %s", value, got, want)
			}
		}
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	items := `["` + strings.Repeat(`x","`, 100) + `x"]`
	for mapping, values := range map[string]map[string]string{
		`{"from":"V","to":"p","op":"add"}`: {
			`"a"`: `{"$add":["a"]}`, `["a", "b"]`: `{"$add":["a","b"]}`, `["a", 1]`: `{"$add":["a","1"]}`, `[]`: codeListInvalid, items: codeListInvalid,
			`[null]`: codeListInvalid, `[["a"]]`: codeListInvalid, `{"a":1}`: codeListInvalid, `null`: ``, `"` + strings.Repeat("x", 513) + `"`: codeValueTooLong,
		},
		`{"from":"V","to":"p","op":"remove"}`:                   {`"a"`: `{"$remove":["a"]}`},
		`{"from":"V","to":"p","op":"incr","type":"integer"}`:    {`3`: `{"$incr":3}`, `"-3"`: `{"$incr":-3}`, `"x"`: codeTypeMismatch},
		`{"from":"V","to":"p","op":"incr","type":"float"}`:      {`3.50`: `{"$incr":3.50}`},
		`{"from":"V","to":"p","op":"add","transform":"sha256"}`: {`"abc"`: `{"$add":["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]}`},
	} {
		m := compiled(t, profile(t, mapping), columns(t, "ID TEXT; V VARIANT"), Options{})
		for value, want := range values {
			if got := outcome(t, m, value); got != want {
				t.Errorf("%s: %s: got %s, want %s", mapping, value, got, want)
			}
		}
	}
}
