package mapping

import (
	"strconv"
	"strings"
	"testing"

	"tapline.dev/schemas"
)

// TestProblems has a mapping with each mistake and the same without it.
func TestProblems(t *testing.T) {
	t.Parallel()
	const cols = "ID NUMBER(38,0); T TEXT; N NUMBER(12,2); BIG NUMBER(38,0); SMALL NUMBER(9,0); F REAL; B BOOLEAN; D DATE; TS TIMESTAMP_NTZ; TM TIME; V VARIANT; A ARRAY; o TEXT; O TEXT; Mixed TEXT"
	for _, tt := range []struct{ name, good, bad, code, path string }{
		{"missing column", `"T"`, `"TT"`, codeColumnMissing, "spec.mapping[0].from"},
		{"case that is not unique", `{"from":"o","to":"x"}`, `{"from":"T","to":"x"},{"from":"Oo","to":"y"}`, codeColumnMissing, "spec.mapping[1].from"},
		{"case that is unique", `{"from":"mixed","to":"x"}`, `{"from":"mixd","to":"x"}`, codeColumnMissing, "spec.mapping[0].from"},
		{"prohibited name", `{"from":"T","to":"a_b-c (d)"}`, `{"from":"T","to":"a.b"}`, codeNameInvalid, "spec.mapping[0].to"},
		{"empty name", `{"from":"T","to":"x"}`, `{"to":"  ","value":1}`, codeNameInvalid, "spec.mapping[0].to"},
		{"long name", `{"from":"T","to":"` + strings.Repeat("é", 60) + `"}`, `{"from":"T","to":"` + strings.Repeat("é", 60) + `a"}`, codeNameTooLong, "spec.mapping[0].to"},
		{"reserved name", `{"from":"T","to":"wzrk"}`, `{"from":"T","to":"wzrk_id"}`, codePropertyRestricted, "spec.mapping[0].to"},
		{"same target", `{"from":"T","to":"plan"},{"from":"T","to":"plans"}`, `{"from":"T","to":"plan tier"},{"from":"T","to":"PlanTier"}`, codeNameDuplicate, "spec.mapping[1].to"},
		{"two sources", `{"from":"T","to":"x"}`, `{"from":"T","value":1,"to":"x"}`, codeConflict, "spec.mapping[0]"},
		{"no source", `{"expr":"1","to":"x"}`, `{"to":"x"}`, codeConflict, "spec.mapping[0]"},
		{"unknown type", `{"from":"T","to":"x","type":"long"}`, `{"from":"T","to":"x","type":"int"}`, codeValueInvalid, "spec.mapping[0].type"},
		{"boolean as integer", `{"from":"B","to":"x","type":"boolean"}`, `{"from":"B","to":"x","type":"integer"}`, codeTypeUnfit, "spec.mapping[0].type"},
		{"date as integer", `{"from":"D","to":"x","type":"string"}`, `{"from":"D","to":"x","type":"integer"}`, codeTypeUnfit, "spec.mapping[0].type"},
		{"time as date", `{"from":"TM","to":"x"}`, `{"from":"TM","to":"x","type":"date"}`, codeTypeUnfit, "spec.mapping[0].from"},
		{"number as date", `{"from":"BIG","to":"x","type":"date","format":"epochMillis"}`, `{"from":"BIG","to":"x","type":"date"}`, codeTypeUnfit, "spec.mapping[0].from"},
		{"boolean as date", `{"from":"TS","to":"x","type":"date"}`, `{"from":"B","to":"x","type":"date"}`, codeTypeUnfit, "spec.mapping[0].from"},
		{"variant without a type", `{"from":"V","to":"x","type":"string"}`, `{"from":"V","to":"x"}`, codeTypeNeeded, "spec.mapping[0].type"},
		{"format on a DATE", `{"from":"T","to":"x","type":"date","format":"dd/MM/yyyy"}`, `{"from":"D","to":"x","type":"date","format":"dd/MM/yyyy"}`, codeFormatForbidden, "spec.mapping[0].format"},
		{"epoch format on a TIMESTAMP", `{"from":"TS","to":"x"}`, `{"from":"TS","to":"x","format":"epochSeconds"}`, codeFormatForbidden, "spec.mapping[0].format"},
		{"format without a date", `{"from":"T","to":"x","type":"date"}`, `{"from":"T","to":"x","format":"dd/MM/yyyy"}`, codeFormatForbidden, "spec.mapping[0]"},
		{"unknown format", `{"from":"T","to":"x","type":"date","format":"dd-MM-yyyy"}`, `{"from":"T","to":"x","type":"date","format":"dd.MM.yyyy"}`, codeFormatUnknown, "spec.mapping[0].format"},
		{"unknown zone", `{"from":"TS","to":"x","timezone":"Asia/Kolkata"}`, `{"from":"TS","to":"x","timezone":"IST2"}`, codeTimezoneUnknown, "spec.mapping[0].timezone"},
		{"system type", `{"from":"T","to":"Email","type":"string"}`, `{"from":"BIG","to":"Email","type":"integer"}`, codeTypeUnfit, "spec.mapping[0].type"},
		{"system column", `{"from":"SMALL","to":"Age"}`, `{"from":"B","to":"Age"}`, codeTypeUnfit, "spec.mapping[0].type"},
		{"Email of a column that is no text", `{"from":"T","to":"Email"}`, `{"from":"TS","to":"Email"}`, codeTypeUnfit, "spec.mapping[0].from"},
		{"Gender of a column that is no text", `{"from":"BIG","to":"Phone","defaultRegion":"IN"}`, `{"from":"BIG","to":"Gender"}`, codeTypeUnfit, "spec.mapping[0].from"},
		{"expression of another type", `{"expr":"len(T) > 1","to":"x","type":"boolean"}`, `{"expr":"len(T) > 1","to":"x","type":"integer"}`, codeTypeUnfit, "spec.mapping[0].type"},
		{"expression that is no date", `{"expr":"T","to":"x","type":"date"}`, `{"expr":"B","to":"x","type":"date"}`, codeTypeUnfit, "spec.mapping[0].type"},
		{"region", `{"from":"T","to":"Phone","defaultRegion":"IN"}`, `{"from":"T","to":"Phone","defaultRegion":"XX"}`, codeValueInvalid, "spec.mapping[0].defaultRegion"},
		{"region elsewhere", `{"from":"T","to":"Phone"}`, `{"from":"T","to":"x","defaultRegion":"IN"}`, codeConflict, "spec.mapping[0].defaultRegion"},
		{"onInvalid", `{"from":"T","to":"x","onInvalid":"omit"}`, `{"from":"T","to":"x","onInvalid":"skip"}`, codeValueInvalid, "spec.mapping[0].onInvalid"},
		{"onNull", `{"from":"T","to":"x","onNull":"omit"}`, `{"from":"T","to":"x","onNull":"null"}`, codeValueInvalid, "spec.mapping[0].onNull"},
		{"default missing", `{"from":"T","to":"x","onNull":"default","default":"y"}`, `{"from":"T","to":"x","onNull":"default"}`, codeRequired, "spec.mapping[0].default"},
		{"default unused", `{"from":"T","to":"x","onNull":"reject"}`, `{"from":"T","to":"x","default":"y"}`, codeConflict, "spec.mapping[0].default"},
		{"default of another type", `{"from":"BIG","to":"x","onNull":"default","default":0}`, `{"from":"BIG","to":"x","onNull":"default","default":"none"}`, codeDefaultInvalid, "spec.mapping[0].default"},
		{"constant of another type", `{"to":"Gender","value":"M"}`, `{"to":"Gender","value":"male"}`, codeConstantInvalid, "spec.mapping[0].value"},
		{"constant null", `{"to":"x","value":true}`, `{"to":"x","value":{"a":1},"type":"string","op":"add"}`, codeConstantInvalid, "spec.mapping[0].value"},
		{"transform", `{"from":"T","to":"Name","transform":"sha256"}`, `{"from":"T","to":"Email","transform":"sha256"}`, codeConflict, "spec.mapping[0].transform"},
		{"unknown transform", `{"from":"T","to":"x","transform":"sha256"}`, `{"from":"T","to":"x","transform":"md5"}`, codeValueInvalid, "spec.mapping[0].transform"},
		{"operator on a system property", `{"from":"T","to":"x","op":"add"}`, `{"from":"T","to":"Name","op":"add"}`, codeOperatorForbidden, "spec.mapping[0].op"},
		{"incr of a text", `{"from":"SMALL","to":"x","op":"incr"}`, `{"from":"T","to":"x","op":"incr"}`, codeOperatorForbidden, "spec.mapping[0].op"},
		{"add of a date", `{"from":"A","to":"x","op":"add"}`, `{"from":"D","to":"x","op":"add","type":"date"}`, codeOperatorForbidden, "spec.mapping[0].op"},
		{"unknown operator", `{"from":"T","to":"x","op":"remove"}`, `{"from":"T","to":"x","op":"delete"}`, codeValueInvalid, "spec.mapping[0].op"},
		{"nested", `{"from":"V","to":"x","type":"string"}`, `{"from":"V","to":"x","type":"object"}`, codeNestedDisabled, "spec.mapping[0].type"},
		{"list without the switch", `{"from":"A","to":"x","type":"string"}`, `{"from":"A","to":"x"}`, codeNestedDisabled, "spec.mapping[0].type"},
		{"expression syntax", `{"expr":"T + \"x\"","to":"x"}`, `{"expr":"T +","to":"x"}`, codeExpressionInvalid, "spec.mapping[0].expr"},
		{"expression column", `{"expr":"len(T)","to":"x"}`, `{"expr":"len(TT)","to":"x"}`, codeColumnMissing, "spec.mapping[0].expr"},
		{"expression types", `{"expr":"SMALL * 2","to":"x"}`, `{"expr":"N * 2","to":"x"}`, codeExpressionInvalid, "spec.mapping[0].expr"},
		{"expression of a long number", `{"expr":"BIG + \"\"","to":"x"}`, `{"expr":"BIG + 1","to":"x"}`, codeExpressionInvalid, "spec.mapping[0].expr"},
		{"expression with a clock", `{"expr":"T","to":"x"}`, `{"expr":"now()","to":"x"}`, codeColumnMissing, "spec.mapping[0].expr"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			compiled(t, profile(t, tt.good), columns(t, cols), Options{})
			m, problems := Compile(profile(t, tt.bad), columns(t, cols), Options{})
			if m != nil {
				t.Error("a mapping came with problems")
			}
			checkProblems(t, problems)
			for _, p := range problems {
				if p.Code == tt.code && p.Path == tt.path {
					return
				}
			}
			t.Errorf("no %s at %s in %v", tt.code, tt.path, problems)
		})
	}
}

// checkProblems holds problems to the catalogue.
func checkProblems(t *testing.T, problems []Problem) {
	t.Helper()
	for _, p := range problems {
		info, known := schemas.LookupError(p.Code)
		found := false
		for _, s := range info.Stages {
			found = found || s == schemas.StageDefinition
		}
		if !known || !found || p.Message == "" {
			t.Errorf("%s: not a definition's code in the catalogue, or without a message: %v", p.Code, p)
		}
	}
}

func TestEventProblems(t *testing.T) {
	t.Parallel()
	const cols = "ID TEXT; E TEXT; B BOOLEAN; D DATE; S TEXT; F REAL; N NUMBER(10,0)"
	for _, tt := range []struct{ event, line, code, path string }{
		{`{"name":"a:b"}`, `"S"`, codeEventNameInvalid, "spec.destination.event.name"},
		{`{"name":""}`, `"S"`, codeEventNameMissing, "spec.destination.event.name"},
		{`{"name":"App Launched"}`, `"S"`, codeEventRestricted, "spec.destination.event.name"},
		{`{"name":"WEBPAGEVIEWED"}`, `"S"`, codeEventRestricted, "spec.destination.event.name"},
		{`{"name":"a","nameColumn":"E"}`, `"S"`, codeConflict, "spec.destination.event"},
		{`{"nameColumn":"B"}`, `"S"`, codeTypeUnfit, "spec.destination.event.nameColumn"},
		{`{"nameColumn":"X"}`, `"S"`, codeColumnMissing, "spec.destination.event.nameColumn"},
		{`null`, `"S"`, codeRequired, "spec.destination.event"},
		{`{"name":"a","createdOn":{"column":"B"}}`, `"S"`, codeTypeUnfit, "spec.destination.event.createdOn.column"},
		{`{"name":"a","createdOn":{"column":"N"}}`, `"S"`, codeTypeUnfit, "spec.destination.event.createdOn.column"},
		{`{"name":"a","createdOn":{"column":"D","format":"dd/MM/yyyy"}}`, `"S"`, codeFormatForbidden, "spec.destination.event.createdOn.format"},
		{`{"name":"a","createdOn":{"column":""}}`, `"S"`, codeRequired, "spec.destination.event.createdOn.column"},
		{`{"name":"a","createdOn":{"column":"D","timezone":"X"}}`, `"S"`, codeTimezoneUnknown, "spec.destination.event.createdOn.timezone"},
		{`{"name":"Charged"}`, `{"from":"S","to":"Items"}`, codePropertyRestricted, "spec.mapping[0].to"},
		{`{"name":"a"}`, `{"from":"S","to":"x","op":"add"}`, codeOperatorForbidden, "spec.mapping[0].op"},
		{`{"name":"a"}`, `{"from":"S","to":"Phone","defaultRegion":"IN"}`, codeConflict, "spec.mapping[0].defaultRegion"},
	} {
		_, problems := Compile(eventSpec(t, tt.event, tt.line), columns(t, cols), Options{})
		checkProblems(t, problems)
		if len(problems) != 1 || problems[0].Code != tt.code || problems[0].Path != tt.path {
			t.Errorf("%s %s: want %s at %s, got %v", tt.event, tt.line, tt.code, tt.path, problems)
		}
	}
	compiled(t, eventSpec(t, `{"name":"Charged","createdOn":{"column":"D"}}`, `{"from":"S","to":"Amount"}`), columns(t, cols), Options{})
	compiled(t, eventSpec(t, `{"nameColumn":"E","createdOn":{"column":"N","format":"epochSeconds"}}`, `"S"`), columns(t, cols), Options{})
}

func TestIdentityProblems(t *testing.T) {
	t.Parallel()
	for typ, code := range map[string]string{
		"TEXT": "", "NUMBER(38,0)": "", "VARIANT": "", "NUMBER(10,2)": codeTypeUnfit, "REAL": codeTypeUnfit, "BOOLEAN": codeTypeUnfit, "DATE": codeTypeUnfit,
	} {
		_, problems := Compile(profile(t, `{"to":"x","value":1}`), columns(t, "ID "+typ), Options{})
		switch {
		case code == "" && len(problems) > 0, code != "" && (len(problems) != 1 || problems[0].Code != code):
			t.Errorf("%s: got %v", typ, problems)
		}
	}
	spec := profile(t, `{"to":"x","value":1}`)
	spec.Identity.Column = ""
	if _, problems := Compile(spec, nil, Options{}); len(problems) != 1 || problems[0].Code != codeRequired {
		t.Errorf("no column: %v", problems)
	}
	spec.Identity.Column, spec.Identity.Kind = "ID", "email"
	if _, problems := Compile(spec, nil, Options{}); len(problems) != 1 || problems[0].Code != codeValueInvalid {
		t.Errorf("unknown kind: %v", problems)
	}
}

// TestAllProblemsAtOnce has one mistake of each kind in one mapping.
func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	spec := profile(t, `"MISSING"`, `{"from":"T","to":"a.b"}`, `{"from":"D","to":"d","format":"dd/MM/yyyy"}`, `{"from":"B","to":"n","type":"integer"}`, `{"from":"T","to":"missing"}`)
	spec.Identity.Column = "NONE"
	spec.Timezone = "Mars"
	_, problems := Compile(spec, columns(t, "ID TEXT; T TEXT; D DATE; B BOOLEAN"), Options{})
	var codes []string
	for _, p := range problems {
		codes = append(codes, p.Code)
	}
	want := strings.Join([]string{codeTimezoneUnknown, codeColumnMissing, codeColumnMissing, codeNameInvalid, codeFormatForbidden, codeTypeUnfit, codeNameDuplicate}, " ")
	if got := strings.Join(codes, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestCompileWithout leaves out the lines that read a column which is gone, and no others.
func TestCompileWithout(t *testing.T) {
	t.Parallel()
	before, now := columns(t, "ID TEXT; T TEXT; PLAN TEXT; AT DATE"), columns(t, "ID TEXT; T TEXT; AT DATE")
	spec := profile(t, `{"from":"T","to":"a"}`, `{"from":"plan","to":"b"}`, `{"expr":"T + PLAN","to":"c"}`, `{"value":1,"to":"d"}`)
	if _, problems := Compile(spec, now, Options{}); len(problems) != 2 {
		t.Errorf("without a word about it: %v", problems)
	}
	whole := compiled(t, spec, before, Options{})
	m, problems := CompileWithout(spec, now, []string{"PLAN", "OLD"}, Options{})
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	if got := strings.Join(m.LeftOut(), " "); got != "PLAN" {
		t.Errorf("left out: %s", got)
	}
	const row = `{"ID":"1","T":"x","AT":null}`
	if record, rejects := m.Map(nil, []byte(row), 0); len(rejects) > 0 || !strings.Contains(string(record), `{"a":"x","d":1}`) {
		t.Errorf("record %s, rejects %v", record, rejects)
	}
	if m.Hash() == whole.Hash() {
		t.Error("the mapping without a column is taken for the whole one")
	}
	for name, c := range map[string]struct {
		spec schemas.ImportSpec
		code string
	}{
		"a column that never was":           {profile(t, `{"from":"T","to":"a"}`, `{"from":"PLAM","to":"b"}`), codeColumnMissing},
		"nothing is left":                   {profile(t, `{"from":"PLAN","to":"b"}`), codeColumnMissing},
		"another mistake in the same line":  {profile(t, `{"from":"T","to":"a"}`, `{"from":"PLAN","to":"a.b"}`), codeNameInvalid},
		"the identity":                      {identifiedBy(profile(t, `{"from":"T","to":"a"}`), "PLAN"), codeColumnMissing},
		"an event's time":                   {eventSpec(t, `{"name":"Bought","createdOn":{"column":"PLAN"}}`, `{"from":"T","to":"a"}`), codeColumnMissing},
		"a gone column and one unlike any":  {profile(t, `{"from":"T","to":"a"}`, `{"expr":"PLAN + NONE","to":"b"}`), codeColumnMissing},
		"a column that is there has a type": {profile(t, `{"from":"T","to":"a"}`, `{"from":"AT","to":"b","type":"integer"}`), codeTypeUnfit},
	} {
		if _, problems := CompileWithout(c.spec, now, []string{"PLAN"}, Options{}); len(problems) == 0 || problems[0].Code != c.code {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

// TestTypesThatTheColumnsSay: before the query's columns are known, a format and a time zone may
// belong to a date.
func TestTypesThatTheColumnsSay(t *testing.T) {
	t.Parallel()
	spec := profile(t, `{"from":"D","to":"x","timezone":"UTC"}`)
	for _, known := range [][]schemas.Column{nil, columns(t, "ID TEXT; D DATE")} {
		if _, problems := Compile(spec, known, Options{}); len(problems) > 0 {
			t.Errorf("with the columns %v: %v", known, problems)
		}
	}
	_, problems := Compile(spec, columns(t, "ID TEXT; D TEXT"), Options{})
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "write type: date if its values are dates") {
		t.Errorf("of a text: %v", problems)
	}
}

func identifiedBy(spec schemas.ImportSpec, column string) schemas.ImportSpec {
	spec.Identity.Column = column
	return spec
}

func TestConstantsCount(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 257 {
		lines = append(lines, `{"to":"p`+strconv.Itoa(i)+`","value":1}`)
	}
	if _, problems := Compile(profile(t, lines...), nil, Options{}); len(problems) != 1 || problems[0].Code != codeTooManyProperties {
		t.Errorf("got %v", problems)
	}
	compiled(t, profile(t, append(lines[:256], `{"to":"Name","value":"n"}`)...), nil, Options{})
}

func TestRestrictedNamesAreThere(t *testing.T) {
	t.Parallel()
	if r := loadRestrictions(); len(r.events) < 20 || !r.events["applaunched"] || r.events["purchase"] {
		t.Errorf("restricted events: %v", r.events)
	}
}
