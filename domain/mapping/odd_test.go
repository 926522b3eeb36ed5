package mapping

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestUnseenCharacters: which field takes which character that nobody sees.
func TestUnseenCharacters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		char                       string
		identity, email, name, any bool // taken
	}{
		{`\u200b`, false, false, true, true}, {`\u00a0`, false, false, true, true}, {`\ufeff`, false, false, true, true}, {`\u2028`, false, false, true, true},
		{`\u0000`, false, false, false, true}, {`\u0007`, false, false, true, true}, {`\u007f`, false, false, true, true}, {`\u0085`, false, false, true, true}, {`\u00ad`, false, false, true, true},
		{`\u202e`, false, false, false, true}, {`\u2066`, false, false, false, true}, {`\u200d`, false, false, true, true}, {`\u3000`, false, false, true, true},
		{`é`, true, true, true, true}, {`漢`, true, true, true, true},
	} {
		rows := map[string]bool{
			`{"ID":"a` + tt.char + `b"}`:                         tt.identity,
			`{"ID":"u","EMAIL":"a` + tt.char + `b@example.com"}`: tt.email,
			`{"ID":"u","NAME":"a` + tt.char + `b"}`:              tt.name,
			`{"ID":"u","BIO":"a` + tt.char + `b"}`:               tt.any,
		}
		m := compiled(t, profile(t, `"EMAIL -> Email"`, `"NAME -> Name"`, `"BIO"`), nil, Options{})
		for row, taken := range rows {
			_, rejects := m.Map(nil, []byte(row), clock)
			if (len(rejects) == 0) != taken {
				t.Errorf("%s: taken is %v, want %v", row, !taken, taken)
			}
			if !taken && (len(rejects) != 1 || rejects[0].Code != codeCharacterRefused || !strings.Contains(rejects[0].Reason, "U+")) {
				t.Errorf("%s: %+v", row, rejects)
			}
		}
	}
	// A whole identity of them is none.
	m := compiled(t, profile(t, `"BIO"`), nil, Options{})
	for _, id := range []string{`\u200b`, `\ufeff\ufeff`, `\u202e`, `\u0000`} {
		if _, rejects := m.Map(nil, []byte(`{"ID":"`+id+`"}`), clock); len(rejects) != 1 || rejects[0].Code != codeCharacterRefused {
			t.Errorf("identity %s: %v", id, rejects)
		}
	}
}

func TestUnseenCharactersInNames(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"plan\u200btier": codeCharacterRefused, "a\u202eb": codeCharacterRefused, "a\u00a0b": codeCharacterRefused, "a\tb": codeCharacterRefused, "a\x00b": codeCharacterRefused,
		"plan tier": "", "می\u200cخواهم": "", "क्\u200dष": "",
	} {
		spec := profile(t)
		spec.Mapping = []schemas.Property{{From: "A", To: to}}
		_, problems := Compile(spec, nil, Options{})
		if want == "" && len(problems) > 0 || want != "" && (len(problems) != 1 || problems[0].Code != want || !strings.Contains(problems[0].Message, "U+")) {
			t.Errorf("%q: %v", to, problems)
		}
	}
	m := compiled(t, eventSpec(t, `{"nameColumn":"E"}`, `"A"`), nil, Options{})
	if _, rejects := m.Map(nil, []byte(`{"ID":"u","E":"Pur\u200bchase"}`), clock); len(rejects) != 1 || rejects[0].Code != codeCharacterRefused || !strings.Contains(rejects[0].Reason, "U+200B") {
		t.Errorf("event name: %v", rejects)
	}
}

// TestSystemPropertiesAreSentInTheirSpelling, whatever their case was. Blanks
// make another name.
func TestSystemPropertiesAreSentInTheirSpelling(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"EMAIL": `{"Email":"a@b.co"}`, "eMail": `{"Email":"a@b.co"}`, "E mail": `{"E mail":"a@b.co"}`, "Email ": `{"Email ":"a@b.co"}`, "IDENTITY": `{"identity":"a@b.co"}`, "fbid": `{"FBID":"a@b.co"}`, "photo": `{"Photo":"a@b.co"}`,
		"email address": `{"email address":"a@b.co"}`,
	} {
		spec := profile(t)
		spec.Mapping = []schemas.Property{{From: "V", To: to}}
		record, rejects := compiled(t, spec, nil, Options{}).Map(nil, []byte(`{"ID":"u","V":"a@b.co"}`), clock)
		if got := string(record); got != `{"type":"profile","identity":"u","profileData":`+want+`}` {
			t.Errorf("%s: %s %v", to, got, rejects)
		}
	}
	for to, want := range map[string]string{"msg-SMS": "MSG-sms", "MSG-Email": "MSG-email", "msg-WhatsApp": "MSG-whatsapp", "msg-Viber": "MSG-Viber", "MSG-": "MSG-"} {
		spec := profile(t)
		spec.Mapping = []schemas.Property{{From: "V", To: to}}
		record, rejects := compiled(t, spec, nil, Options{}).Map(nil, []byte(`{"ID":"u","V":true}`), clock)
		if got := string(record); got != `{"type":"profile","identity":"u","profileData":{"`+want+`":true}}` {
			t.Errorf("%s: %s %v", to, got, rejects)
		}
	}
	// An event's Email is anybody's.
	record, _ := compiled(t, eventSpec(t, `{"name":"E"}`, `"EMAIL"`), nil, Options{}).Map(nil, []byte(`{"ID":"u","EMAIL":"x"}`), clock)
	if !strings.Contains(string(record), `{"EMAIL":"x"}`) {
		t.Errorf("event: %s", record)
	}
}

// TestPhonesAreNotRepaired: a number out of which a digit had to be cut is not
// the number.
func TestPhonesAreNotRepaired(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ region, text, want string }{
		{"US", "11-448-447-2941", ""}, {"US", "415-555-1234", "+14155551234"}, {"US", "1-415-555-1234", "+14155551234"}, {"US", "+1 415 555 1234", "+14155551234"}, {"US", "+11 415 555 1234", ""},
		{"IN", "09876543210", "+919876543210"}, {"IN", "9876543210", "+919876543210"}, {"IN", "+919876543210", "+919876543210"}, {"IN", "919876543210", "+919876543210"}, {"IN", "009876543210", ""},
		{"DE", "030 12345678", "+493012345678"}, {"", "+49 (0)30 12345678", "+493012345678"}, {"", "+49 030 12345678", ""}, {"", "+390612345678", "+390612345678"},
		{"BR", "0 15 11 98765-4321", ""}, {"", "+5590805919734", ""},
	} {
		r, ok := newPhoneReader(tt.region)
		if !ok {
			t.Fatal(tt.region)
		}
		got, ok := r.append(nil, []byte(tt.text))
		if string(got) != tt.want || ok != (tt.want != "") {
			t.Errorf("%s in %q = %q, want %q", tt.text, tt.region, got, tt.want)
		}
	}
}

// TestNumbersAreReadable: every JSON parser reads what is sent.
func TestNumbersAreReadable(t *testing.T) {
	t.Parallel()
	m := compiled(t, profile(t, `{"from":"V","to":"p","type":"float"}`, `{"from":"O","to":"o","type":"object"}`), nil, Options{Nested: true})
	for value, want := range map[string]string{
		`0e99999999999999999999`: `0`, `-0e99999999999999999999`: `-0`, `0.000E-99999999999999999999`: `0.000`, `"0e99999999999999999999"`: `0`,
		`1e0000000000000000000005`: `1e005`, `1E+0000000000000000000005`: `1E+005`, `1.50e-7`: `1.50e-7`, `"+1e0000000000000005"`: `1e005`,
		`1e99999999999999999999`: codeOutOfRange, `1e-99999999999999999999`: codeOutOfRange, `"1e-400"`: codeOutOfRange, `1e400`: codeOutOfRange, `1.50`: `1.50`,
	} {
		record, rejects := m.Map(nil, []byte(`{"ID":"u","V":`+value+`}`), clock)
		got := strings.TrimSuffix(strings.TrimPrefix(string(record), `{"type":"profile","identity":"u","profileData":{"p":`), "}}")
		if len(rejects) > 0 {
			got = rejects[0].Code
		}
		if got != want {
			t.Errorf("%s = %s, want %s", value, got, want)
		}
		if strings.HasPrefix(value, `"`) {
			continue
		}
		record, rejects = m.Map(nil, []byte(`{"ID":"u","O":{"x":`+value+`}}`), clock)
		if inner := `{"o":{"x":` + want + `}}`; len(rejects) == 0 && !strings.Contains(string(record), inner) || len(rejects) > 0 && rejects[0].Code != want {
			t.Errorf("%s in an object = %s %v, want %s", value, record, rejects, want)
		}
	}
}

func TestRestrictedEventProperties(t *testing.T) {
	t.Parallel()
	for to, refused := range map[string]bool{"CT Source": true, "ct source": true, "Session Id": true, "session": false, "Source": false} {
		spec := eventSpec(t, `{"name":"E"}`)
		spec.Mapping = []schemas.Property{{From: "V", To: to}}
		_, problems := Compile(spec, nil, Options{})
		if refused != (len(problems) == 1) || refused && problems[0].Code != codePropertyRestricted {
			t.Errorf("%s of an event: %v", to, problems)
		}
		spec = profile(t)
		spec.Mapping = []schemas.Property{{From: "V", To: to}}
		if _, problems := Compile(spec, nil, Options{}); problems != nil {
			t.Errorf("%s of a profile: %v", to, problems)
		}
	}
	var file map[string][]struct{ Name, Source string }
	if err := json.Unmarshal(restrictedJSON, &file); err != nil || len(file["events"]) < 20 || len(file["eventProperties"]) < 2 {
		t.Fatalf("%v, %v", file, err)
	}
	for _, list := range file {
		for _, n := range list {
			if n.Name == "" || n.Source == "" {
				t.Errorf("%+v lacks its name or its source", n)
			}
		}
	}
}

// TestOutsideRetention: events that CleverTap would drop after answering success.
func TestOutsideRetention(t *testing.T) {
	t.Parallel()
	const day = 86400
	for _, tt := range []struct {
		policy string
		age    int64 // of the event, in seconds
		reject string
		skip   bool
		note   string // of a dry run
	}{
		{"", 91 * day, "", false, codeOutsideRetention}, {"send", 91 * day, "", false, codeOutsideRetention},
		{"skip", 91 * day, codeOutsideRetention, true, ""}, {"reject", 91 * day, codeOutsideRetention, false, ""},
		{"reject", 90 * day, "", false, ""}, {"reject", 7201, "", false, ""}, {"reject", 7200, "", false, codeEventLive}, {"reject", 0, "", false, codeEventLive},
		{"reject", -120, "", false, codeEventLive}, {"reject", -121, "", false, codeEventInFuture}, {"skip", -99 * day, "", false, codeEventInFuture},
	} {
		spec := eventSpec(t, `{"name":"E","createdOn":{"column":"AT"}}`, `"A"`)
		spec.Destination.OnOutsideRetention = tt.policy
		m := compiled(t, spec, nil, Options{Retention: 90 * day * time.Second})
		row := []byte(`{"ID":"u","AT":"` + time.Unix(clock-tt.age, 0).UTC().Format(time.RFC3339) + `"}`)
		_, rejects, age := m.MapAged(nil, row, clock)
		_, all, omitted := m.MapAll(nil, row, clock)
		if age != tt.note {
			t.Errorf("%s at age %d: a run counts %q, want %q", tt.policy, tt.age, age, tt.note)
		}
		got, skip, note := "", false, ""
		if len(rejects) > 0 {
			got, skip = rejects[0].Code, rejects[0].Skip
			checkReject(t, rejects[0], "")
		}
		if len(omitted) > 0 {
			note = omitted[0].Code
			checkReject(t, omitted[0], "")
		}
		if got != tt.reject || skip != tt.skip || note != tt.note || len(all) != len(rejects) {
			t.Errorf("%s at age %d: %q, skip %v, note %q", tt.policy, tt.age, got, skip, note)
		}
	}
	// Without a retention nothing can be outside of it.
	spec := eventSpec(t, `{"name":"E","createdOn":{"column":"AT"}}`, `"A"`)
	spec.Destination.OnOutsideRetention = "skip"
	if _, problems := Compile(spec, nil, Options{}); len(problems) != 1 || problems[0].Code != codeConflict || !strings.Contains(problems[0].Message, "dataRetention: 365d") {
		t.Errorf("got %v", problems)
	}
}
