package verify

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestSame(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		property, ours, theirs string
		want                   bool
	}{
		{"plan", `"gold"`, `"gold"`, true},
		{"plan", `"gold"`, `"Gold"`, false},
		{"plan", `"gold"`, `"gold "`, false},
		{"plan", `"gold"`, ``, false},
		{"plan", `""`, `null`, false},
		{"spend", `1`, `1.0`, true},
		{"spend", `1.10`, `1.1`, true},
		{"spend", `9007199254740993`, `9007199254740992`, true}, // as a double
		{"spend", `9007199254740993`, `9007199254740995`, false},
		{"spend", `12`, `"12"`, true},
		{"code", `"007"`, `"7"`, false},
		{"code", `"007"`, `7`, false},
		{"spend", `1e999`, `1e998`, false},
		{"big", `1e300`, `1e300`, true},
		{"email", `"A@b.c"`, `"a@B.C"`, true},
		{"email", `"a@b.c"`, `"a@b.d"`, false},
		{"phone", `"+35922333232"`, `35922333232`, true},
		{"phone", `"+35922333232"`, `"+35922333233"`, false},
		{"joined", `"$D_1487576752"`, `"$D_1487576752"`, true},
		{"joined", `"$D_1487576752"`, `1487576752`, true},
		{"joined", `"$D_1487576752"`, `"$D_1487576753"`, false},
		{"active", `true`, `"true"`, true},
		{"active", `true`, `false`, false},
		{"msg-email", `true`, `1`, true},
		{"msg-email", `true`, `"0"`, false},
		{"tags", `["a","b"]`, `["b","a"]`, true},
		{"tags", `["a","b"]`, `["a"]`, false},
		{"tags", `"a"`, `["a"]`, false},
		{"address", `{"city":"Sofia","zip":1}`, `{"zip":1.0,"city":"Sofia"}`, true},
		{"address", `{"city":"Sofia"}`, `{"city":"Sofia","zip":1}`, false},
		{"address", `{"city":"Sofia"}`, `"Sofia"`, false},
		{"plan", `"gold"`, `{`, false},
	} {
		if got := same(tt.property, json.RawMessage(tt.ours), json.RawMessage(tt.theirs)); got != tt.want {
			t.Errorf("same(%s, %s, %s) = %t, want %t", tt.property, tt.ours, tt.theirs, got, tt.want)
		}
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	ours := schemas.ImportSpec{
		Destination: schemas.Destination{AccountRef: "main", Type: schemas.TypeProfile},
		Mapping:     []schemas.Property{{To: "plan"}, {To: "digest", Transform: "sha256"}, {To: "Score"}},
	}
	rules := RulesOf(ours, map[string]schemas.ImportSpec{
		"scores":  {Destination: ours.Destination, Mapping: []schemas.Property{{To: "score"}}},
		"drafts":  {Draft: true, Destination: ours.Destination, Mapping: []schemas.Property{{To: "plan"}}},
		"another": {Destination: schemas.Destination{AccountRef: "test", Type: schemas.TypeProfile}, Mapping: []schemas.Property{{To: "plan"}}},
		"events":  {Destination: schemas.Destination{AccountRef: "main", Type: schemas.TypeEvent}, Mapping: []schemas.Property{{To: "plan"}}},
	})
	held := `{"identity":"c1","email":"A@b.c","profileData":{"Plan":"gold","digest":"x","Score":2,"tags":["a"],"other":1}}`
	for _, tt := range []struct {
		data, result string
		want         map[string]string
	}{
		{`{"plan":"gold","Email":"a@b.c"}`, Equal, map[string]string{"plan": "equal ", "Email": "equal "}},
		{`{"plan":"silver","Score":3}`, Differs, map[string]string{"plan": "differs ", "Score": "notComparable also written by scores"}},
		{`{"city":"Sofia"}`, Differs, map[string]string{"city": "differs "}},
		{`{"digest":"y","tags":{"$add":["b"]},"identity":"c2"}`, NotComparable, map[string]string{
			"digest": "notComparable " + ReasonHashed, "tags": "notComparable " + ReasonOperator, "identity": "notComparable " + ReasonAliases,
		}},
		{`{"digest":"x","plan":"gold"}`, Equal, map[string]string{"digest": "equal ", "plan": "equal "}},
		{`{}`, Equal, map[string]string{}},
	} {
		values, ok := Profile([]byte(`{"type":"profile","identity":"c1","profileData":`+tt.data+`}`), []byte(held), rules)
		got := map[string]string{}
		for _, v := range values {
			got[v.Property] = v.Result + " " + v.Reason
		}
		if diff := cmp.Diff(tt.want, got); !ok || diff != "" || Of(values) != tt.result {
			t.Errorf("%s: %s, %t (-want +got)\n%s", tt.data, Of(values), ok, diff)
		}
	}
	for _, bad := range [][2]string{{`{`, held}, {`{"profileData":[]}`, held}, {`{"profileData":{"a":1}}`, `[]`}} {
		if _, ok := Profile([]byte(bad[0]), []byte(bad[1]), rules); ok {
			t.Errorf("%q was compared with %q", bad[0], bad[1])
		}
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	held := `{"events":{"Item Bought":{"count":2},"Odd":{}}}`
	for _, tt := range []struct {
		name    string
		sampled int64
		want    string
	}{{"itembought", 2, Shown}, {"Item Bought", 3, Missing}, {"Other", 1, Missing}, {"Odd", 1, Missing}} {
		if v, ok := Event(tt.name, tt.sampled, []byte(held)); !ok || v.Result != tt.want {
			t.Errorf("%s: %+v, %t", tt.name, v, ok)
		}
	}
	if _, ok := Event("x", 1, []byte("[")); ok {
		t.Error("a profile that cannot be read was compared")
	}
}

func TestWilson(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		k, n      int64
		low, high float64
	}{{0, 1000, 0, 0.00383}, {10, 100, 0.0552, 0.1744}, {5, 5, 0.5655, 1}} { // computed with R's binom.wilson
		got := Wilson(tt.k, tt.n, false)
		if math.Abs(got.Low-tt.low) > 1e-3 || math.Abs(got.High-tt.high) > 1e-3 {
			t.Errorf("Wilson(%d, %d) = %+v", tt.k, tt.n, got)
		}
	}
	if got := Wilson(1, 4, true); got.Low != 0.25 || got.High != 0.25 || Wilson(0, 0, false) != nil {
		t.Errorf("%+v", got)
	}
}
