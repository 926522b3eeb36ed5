package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProfileProperties(t *testing.T) {
	t.Parallel()
	var hundred, keys []string
	for i := range 101 {
		hundred = append(hundred, fmt.Sprintf(`"i%d"`, i))
	}
	for i := range 300 {
		keys = append(keys, fmt.Sprintf(`"k%d":1`, i))
	}
	tests := map[string]struct {
		sent []string // profileData of successive records
		want string
	}{
		"merged":              {[]string{`"a":1,"b":"x"`, `"b":"y","c":true`}, `{"a":1,"b":"y","c":true}`},
		"date stays text":     {[]string{`"DOB":"$D_-5"`}, `{"DOB":"$D_-5"}`},
		"digits kept":         {[]string{`"n":9007199254740993.10`}, `{"n":9007199254740993.10}`},
		"add promotes":        {[]string{`"a":1`, `"a":{"$add":["x","1"]}`}, `{"a":["1","x"]}`},
		"add to nothing":      {[]string{`"a":{"$add":["x","x","y"]}`}, `{"a":["x","y"]}`},
		"add one":             {[]string{`"a":{"$add":"x"}`}, `{"a":["x"]}`},
		"remove":              {[]string{`"a":["x","y"]`, `"a":{"$remove":["x"]}`}, `{"a":["y"]}`},
		"remove the last":     {[]string{`"a":["x"],"b":1`, `"a":{"$remove":["x"]}`}, `{"b":1}`},
		"remove from nothing": {[]string{`"a":{"$remove":["x"]}`}, `{}`},
		"set":                 {[]string{`"a":["x"]`, `"a":{"$set":["z","z"]}`}, `{"a":["z"]}`},
		"delete":              {[]string{`"a":1`, `"a":{"$delete":1}`}, `{}`},
		"incr":                {[]string{`"n":9007199254740993`, `"n":{"$incr":2}`}, `{"n":9007199254740995}`},
		"incr from nothing":   {[]string{`"n":{"$incr":2.5}`}, `{"n":2.5}`},
		"decr":                {[]string{`"n":1`, `"n":{"$decr":3}`}, `{"n":-2}`},
		"incr by a monster":   {[]string{`"n":1`, `"n":{"$incr":1e999999999}`}, `{"n":1}`},
		"same op again":       {[]string{`"n":{"$incr":1}`, `"n":{"$incr":1}`}, `{"n":2}`},
		"first in, first out": {[]string{`"a":[` + strings.Join(hundred, ",") + `]`}, `{"a":[` + strings.Join(hundred[1:], ",") + `]}`},
		"name cannot be many": {[]string{`"Name":{"$add":["x"]},"b":1`}, `{"b":1}`},
		"objects are dropped": {[]string{`"o":{"x":1},"b":1`}, `{"b":1}`},
		"bad key dropped":     {[]string{`"a.b":1,"b":1`}, `{"b":1}`},
		"long key dropped":    {[]string{`"` + strings.Repeat("k", 121) + `":1,"b":1`}, `{"b":1}`},
		"long value dropped":  {[]string{`"a":"` + strings.Repeat("é", 257) + `","b":1`}, `{"b":1}`},
		"value that fits":     {[]string{`"a":"` + strings.Repeat("é", 256) + `"`}, `{"a":"` + strings.Repeat("é", 256) + `"}`},
		"identity is a name":  {[]string{`"identity":"other","b":1`}, `{"b":1}`},
		"256 custom keys":     {[]string{strings.Join(keys, ","), `"Name":"x","late":1`}, `{` + strings.Join(keys[:256], ",") + `,"Name":"x"}`},
		"escapes":             {[]string{`"a":"\u00e9\n","\"b\"":1`, `"a":{"$add":["\t"]}`}, `{"a":["é\n","\t"]}`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, testConfig())
			for _, data := range tc.sent {
				r.mustUpload(profileWith(data))
			}
			if diff := cmp.Diff(decoded(t, tc.want), decoded(t, mustJSON(t, r.data("a")))); diff != "" {
				t.Errorf("properties (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNestedAccount(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.Nested = true
	r := newRig(t, cfg)
	r.mustUpload(profileWith(`"o":{"x":{"y":{"z":"}{"}}},"deep":{"a":{"b":{"c":{"d":1}}}},"l":[{"x":1}]`))
	want := decoded(t, `{"o":{"x":{"y":{"z":"}{"}}},"l":[{"x":1}]}`)
	if diff := cmp.Diff(want, r.data("a")); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
}

// TestDigitsSurvive looks at the text, which a decoded float would hide.
func TestDigitsSurvive(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	r.mustUpload(profileWith(`"n":1.10`), profileWith(`"m":9007199254740993`))
	if got := r.get("/sandbox/v1/profiles/a"); !strings.Contains(got, `{"n":1.10,"m":9007199254740993}`) {
		t.Errorf("profile is %s", got)
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
