package mapping

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/jsonstring"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	denied := map[string]string{}
	for word := range strings.SplitSeq("undefined null na n/a 0 nil -1 infinity -infinity inf -inf nan -nan empty xxxxxx", " ") {
		for _, v := range []string{word, strings.ToUpper(word), "  " + word + "\\t", strings.ToUpper(word[:1]) + word[1:]} {
			denied[`"`+v+`"`] = codeIdentityDenied
		}
	}
	for name, values := range map[string]map[string]string{
		"denied": denied,
		"passing": {
			`"u1"`: `"u1"`, `42`: `"42"`, `" 42"`: `" 42"`, `"nullable"`: `"nullable"`, `00`: codeRowUnreadable, `"00"`: `"00"`, `-2`: `"-2"`,
			`"a\"b"`: `"a\"b"`, `"\u00e9"`: `"é"`, `12345678901234567890123456789012345678`: `"12345678901234567890123456789012345678"`,
			`"` + strings.Repeat("é", 1024) + `"`: `"` + strings.Repeat("é", 1024) + `"`,
		},
		"failing": {
			`null`: codeIdentityMissing, `""`: codeIdentityMissing, `"  "`: codeIdentityMissing, `0`: codeIdentityDenied, `-1`: codeIdentityDenied,
			`"` + strings.Repeat("é", 1025) + `"`: codeIdentityTooLong, `12.5`: codeTypeMismatch, `12.00`: codeTypeMismatch, `1e3`: codeTypeMismatch,
			`true`: codeTypeMismatch, `["a"]`: codeTypeMismatch, `{}`: codeTypeMismatch, `"\ud800"`: codeTypeMismatch,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := compiled(t, profile(t, `{"to":"p","value":1}`), nil, Options{})
			for value, want := range values {
				row := []byte(`{"ID":` + value + `}`)
				record, rejects := m.Map(nil, row, clock)
				if len(rejects) > 0 {
					checkReject(t, rejects[0], value)
					if rejects[0].Code != want {
						t.Errorf("%s: rejected as %s, want %s", value, rejects[0].Code, want)
					}
					continue
				}
				if got := string(record); got != `{"type":"profile","identity":`+want+`,"profileData":{"p":1}}` {
					t.Errorf("%s: got %s", value, got)
				}
				// The key is the identity that CleverTap gets.
				if key := IdentityKey(nil, []byte(value)); string(jsonstring.Append(nil, key)) != want {
					t.Errorf("%s: key %q, want %s", value, key, want)
				}
			}
		})
	}
	for _, value := range []string{`null`, `""`, `12.5`, `[1]`, `{}`, `true`, ``, `x`, `"\ud800"`, "\"\xff\""} {
		if key := IdentityKey(nil, []byte(value)); len(key) > 0 {
			t.Errorf("IdentityKey(%s) = %q", value, key)
		}
	}
}

func TestCleverTapID(t *testing.T) {
	t.Parallel()
	spec := profile(t, `{"to":"p","value":1}`)
	spec.Identity.Kind = "clevertapId"
	m := compiled(t, spec, nil, Options{})
	record, _ := m.Map(nil, []byte(`{"ID":"_abc"}`), clock)
	if got := string(record); got != `{"type":"profile","objectId":"_abc","profileData":{"p":1}}` {
		t.Error(got)
	}
	if _, rejects := m.Map(nil, []byte(`{"ID":"a b"}`), clock); rejects == nil || rejects[0].Code != codeCleverTapIDInvalid {
		t.Errorf("got %v", rejects)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, event, row, want string // want: the record, or codes
	}{
		{"the run's clock", `{"name":"Purchase"}`, `{"ID":"u"}`, `{"type":"event","identity":"u","ts":1700000000,"evtName":"Purchase","evtData":{"p":1}}`},
		{"Created On", `{"name":"Purchase","createdOn":{"column":"T"}}`, `{"ID":"u","T":"2026-11-23"}`, `{"type":"event","identity":"u","ts":1795435200,"evtName":"Purchase","evtData":{"p":1}}`},
		{"Created On with a format", `{"name":"B","createdOn":{"column":"T","format":"epochSeconds"}}`, `{"ID":"u","T":1640995200}`, `{"type":"event","identity":"u","ts":1640995200,"evtName":"B","evtData":{"p":1}}`},
		{"Created On in a zone", `{"name":"B","createdOn":{"column":"T","timezone":"Asia/Kolkata"}}`, `{"ID":"u","T":"2026-11-23T10:00:00.000000000"}`, `{"type":"event","identity":"u","ts":1795408200,"evtName":"B","evtData":{"p":1}}`},
		{"Created On of 1970", `{"name":"B","createdOn":{"column":"T"}}`, `{"ID":"u","T":"1970-01-01T00:00:00"}`, codeTsInvalid},
		{"Created On before 1970", `{"name":"B","createdOn":{"column":"T"}}`, `{"ID":"u","T":"1969-12-31"}`, codeTsInvalid},
		{"Created On beyond ten digits", `{"name":"B","createdOn":{"column":"T"}}`, `{"ID":"u","T":"2300-01-01"}`, codeTsInvalid},
		{"Created On NULL", `{"name":"B","createdOn":{"column":"T"}}`, `{"ID":"u","T":null}`, codeTsInvalid},
		{"Created On in another format", `{"name":"B","createdOn":{"column":"T"}}`, `{"ID":"u","T":"23.11.2026"}`, codeDateFormat},
		{"Created On a number", `{"name":"B","createdOn":{"column":"T"}}`, `{"ID":"u","T":1640995200}`, codeTypeMismatch},
		{"name from a column", `{"nameColumn":"E"}`, `{"ID":"u","E":"Added \"to\"cart"}`, codeEventNameInvalid},
		{"good name from a column", `{"nameColumn":"E"}`, `{"ID":"u","E":"Added to cart"}`, `{"type":"event","identity":"u","ts":1700000000,"evtName":"Added to cart","evtData":{"p":1}}`},
		{"name NULL", `{"nameColumn":"E"}`, `{"ID":"u","E":null}`, codeEventNameMissing},
		{"name empty", `{"nameColumn":"E"}`, `{"ID":"u","E":" "}`, codeEventNameMissing},
		{"name of a wide blank", `{"nameColumn":"E"}`, `{"ID":"u","E":"\u00a0"}`, codeEventNameMissing},
		{"name restricted beyond ASCII", `{"nameColumn":"E"}`, `{"ID":"u","E":"App\u00a0Launched"}`, codeEventRestricted},
		{"name too long", `{"nameColumn":"E"}`, `{"ID":"u","E":"` + strings.Repeat("n", 513) + `"}`, codeEventNameInvalid},
		{"name restricted", `{"nameColumn":"E"}`, `{"ID":"u","E":"appLaunched"}`, codeEventRestricted},
		{"name reserved", `{"nameColumn":"E"}`, `{"ID":"u","E":"wzrk_x"}`, codeEventRestricted},
		{"name an object", `{"nameColumn":"E"}`, `{"ID":"u","E":{}}`, codeEventNameInvalid},
		{"first failure", `{"nameColumn":"E","createdOn":{"column":"T"}}`, `{"ID":"0","E":"","T":null}`, codeIdentityDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := compiled(t, eventSpec(t, tt.event, `{"to":"p","value":1}`), nil, Options{})
			record, rejects := m.Map([]byte("kept"), []byte(tt.row), clock)
			got, _ := strings.CutPrefix(string(record), "kept")
			if len(rejects) > 0 {
				checkReject(t, rejects[0], "")
				if got != "" || len(rejects) != 1 {
					t.Errorf("a rejected row left %q and %d rejects", got, len(rejects))
				}
				got = rejects[0].Code
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCharged(t *testing.T) {
	t.Parallel()
	m := compiled(t, eventSpec(t, `{"nameColumn":"E"}`, `{"to":"Items","value":1}`), nil, Options{})
	if _, rejects := m.Map(nil, []byte(`{"ID":"u","E":"charged"}`), clock); rejects == nil || rejects[0].Code != codePropertyRestricted {
		t.Errorf("got %v", rejects)
	}
	if _, rejects := m.Map(nil, []byte(`{"ID":"u","E":"Bought"}`), clock); rejects != nil {
		t.Errorf("got %v", rejects)
	}
}

// TestAlias: a property named identity gives a profile another identity, so it
// obeys the same rules.
func TestAlias(t *testing.T) {
	t.Parallel()
	m := compiled(t, profile(t, `{"from":"V","to":"identity"}`), columns(t, "ID TEXT; V VARIANT"), Options{})
	for value, want := range map[string]string{`"u2"`: `"u2"`, `42`: `"42"`, `"N/A"`: codeIdentityDenied, `""`: codeIdentityMissing, `1.5`: codeTypeMismatch, `null`: ``} {
		if got := outcome(t, m, value); got != want {
			t.Errorf("%s: got %s, want %s", value, got, want)
		}
	}
}

// TestMapAll reports all that Map would report one after the other.
func TestMapAll(t *testing.T) {
	t.Parallel()
	spec := eventSpec(t, `{"nameColumn":"E","createdOn":{"column":"T"}}`,
		`{"from":"A","to":"a","type":"integer"}`, `{"from":"B","to":"b","onNull":"reject"}`, `{"from":"C","to":"c","type":"integer","onInvalid":"omit"}`)
	m := compiled(t, spec, nil, Options{})
	_, rejects, omitted := m.MapAll(nil, []byte(`{"ID":"null","E":"Stayed","T":null,"A":"x","B":null,"C":"x"}`), clock)
	want := []Reject{
		{Code: codeIdentityDenied, Column: "ID"}, {Code: codeEventRestricted, Column: "E"}, {Code: codeTsInvalid, Column: "T"},
		{Code: codeTypeMismatch, Column: "A", Property: "a"}, {Code: codeNullRejected, Column: "B", Property: "b"},
	}
	for _, all := range [][]Reject{rejects, omitted} {
		for i := range all {
			all[i].Reason = ""
		}
	}
	if diff := cmp.Diff(want, rejects); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Reject{{Code: codeTypeMismatch, Column: "C", Property: "c"}}, omitted); diff != "" {
		t.Errorf("omitted (-want +got):\n%s", diff)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	spec := eventSpec(t, `{"name":"B"}`, `"A"`, `"B"`, `"C"`)
	m := compiled(t, spec, nil, Options{MaxEventProperties: 2})
	if _, rejects := m.Map(nil, []byte(`{"ID":"u","A":1,"B":null,"C":1}`), clock); rejects != nil {
		t.Errorf("two properties: %v", rejects)
	}
	if _, rejects := m.Map(nil, []byte(`{"ID":"u","A":1,"B":1,"C":1}`), clock); rejects == nil || rejects[0].Code != codeTooManyProperties {
		t.Errorf("three properties: %v", rejects)
	}
}

// TestColumnNames matches exactly, else without regard to case if that is unique.
func TestColumnNames(t *testing.T) {
	t.Parallel()
	spec := profile(t, `"plan"`)
	for row, want := range map[string]string{
		`{"ID":"u","PLAN":"a"}`:            `"plan":"a"`,
		`{"id":"u","Plan":"a"}`:            `"plan":"a"`,
		`{"ID":"u","PLAN":"a","plan":"b"}`: `"plan":"b"`,
		`{"ID":"u","plan":"b","PLAN":"a"}`: `"plan":"b"`,
		`{"ID":"u","PLAN":"a","Plan":"b"}`: codeColumnAmbiguous,
		`{"ID":"u","pl\u0061n":"b"}`:       `"plan":"b"`,
		`{"ID":"u","other":"b"}`:           ``,
		`{"ID":"u","plan":"a","plan":"b"}`: `"plan":"b"`,
	} {
		m := compiled(t, spec, nil, Options{})
		record, rejects := m.Map(nil, []byte(row), clock)
		got := strings.TrimSuffix(strings.TrimPrefix(string(record), `{"type":"profile","identity":"u","profileData":{`), "}}")
		if len(rejects) > 0 {
			got = rejects[0].Code
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", row, got, want)
		}
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	m := compiled(t, profile(t, `"A"`), nil, Options{})
	for _, row := range []string{"", " ", "null", "[]", `{"ID":"u"`, `{"ID":"u",}`, `{"ID":"u"} x`, `{"ID":u}`, "{\"ID\":\"\xff\"}", `{"ID":"u","A":[1,,2]}`, `{"ID":"u","A":01}`, "{\"ID\":\"a\nb\"}"} {
		if _, rejects := m.Map(nil, []byte(row), clock); len(rejects) != 1 || rejects[0].Code != codeRowUnreadable {
			t.Errorf("%q: got %v", row, rejects)
		}
	}
}

// TestConcurrent maps with one Mapping from many goroutines.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	spec, columns, row := benchSpec()
	m := compiled(t, spec, columns, Options{})
	want, _ := m.Map(nil, row, clock)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got, _ := m.Map(nil, row, clock); !bytes.Equal(got, want) {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	wg.Wait()
}

func TestHash(t *testing.T) {
	t.Parallel()
	base := compiled(t, profile(t, `"A"`), columns(t, "ID TEXT; A TEXT"), Options{}).Hash()
	if base != compiled(t, profile(t, `"A"`), columns(t, "A TEXT; ID TEXT; B TEXT"), Options{}).Hash() {
		t.Error("a column that is not mapped changes the hash")
	}
	other := profile(t, `"A"`)
	other.Timezone = "Europe/Berlin"
	if base != compiled(t, profile(t, `"A"`), columns(t, "ID TEXT; A TEXT"), Options{Nested: true, MaxEventProperties: 9}).Hash() {
		t.Error("what the account allows changes the hash")
	}
	account := profile(t, `"A"`)
	account.Destination.AccountRef = "other"
	for name, m := range map[string]*Mapping{
		"account":          compiled(t, account, columns(t, "ID TEXT; A TEXT"), Options{}),
		"type of a column": compiled(t, profile(t, `"A"`), columns(t, "ID TEXT; A DATE"), Options{}),
		"target":           compiled(t, profile(t, `"A -> b"`), columns(t, "ID TEXT; A TEXT"), Options{}),
		"timezone":         compiled(t, other, columns(t, "ID TEXT; A TEXT"), Options{}),
	} {
		if m.Hash() == base {
			t.Errorf("%s does not change the hash", name)
		}
	}
	if diff := cmp.Diff([]string{"ID", "A"}, compiled(t, profile(t, `"a"`), columns(t, "A TEXT; ID TEXT"), Options{}).Columns()); diff != "" {
		t.Error(diff)
	}
}

func TestMapLines(t *testing.T) {
	t.Parallel()
	m := compiled(t, profile(t, `"A"`, `"MISSPELT"`), nil, Options{})
	var out bytes.Buffer
	counts, err := m.MapLines(&out, strings.NewReader("{\"ID\":\"u\",\"A\":\"<x>\"}\r\n\n{\"ID\":\"0\"}\n{\"ID\":1,\"A\":1.50}"), clock)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"row":1,"record":{"type":"profile","identity":"u","profileData":{"A":"<x>"}}}
{"row":2,"reject":{"code":"row_unreadable","column":"","property":"","reason":"the row is not a JSON object in UTF-8"}}
{"row":3,"reject":{"code":"identity_denied","column":"ID","property":"","reason":"the identity is a placeholder that CleverTap refuses, such as null or 0"}}
{"row":4,"record":{"type":"profile","identity":"1","profileData":{"A":1.50}}}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(LineCounts{Rows: 4, Mapped: 2, Rejected: 2, Unseen: []string{"MISSPELT"}}, counts); diff != "" {
		t.Error(diff)
	}
}
