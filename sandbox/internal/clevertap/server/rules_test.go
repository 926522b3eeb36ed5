package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/sandbox/internal/clevertap/rules"
)

func profileWith(data string) string {
	return `{"type":"profile","identity":"a","profileData":{` + data + `}}`
}

func eventWith(name, data string) string {
	return `{"type":"event","identity":"a","ts":1700000000,"evtName":"` + name + `","evtData":{` + data + `}}`
}

// TestRecordRules puts each record second, after one that passes, and compares
// code, text and echo.
func TestRecordRules(t *testing.T) {
	t.Parallel()
	manyProps := make([]string, 101)
	for i := range manyProps {
		manyProps[i] = fmt.Sprintf(`"p%d":%d`, i, i)
	}
	tests := map[string]struct {
		record string
		code   int    // 0: accepted
		Chars  string // before "Skipped record number : 2"
		echo   string // the record itself if empty
	}{
		"plain":                  {record: profileWith(`"Email":"a@b.co","Phone":"+14155551234","plan":"x"`)},
		"identity is a number":   {record: `{"type":"profile","identity":12,"profileData":{}}`},
		"unknown member":         {record: `{"source":{"x":[1]},"type":"profile","objectId":"o1","profileData":{}}`},
		"bad email":              {record: profileWith(`"Email":"1234"`), code: 515, Chars: "Profile data is incorrect. Email is not valid."},
		"bad email, odd":         {record: profileWith(`"Email":"$$$$$"`), code: 515, Chars: "Profile data is incorrect. Email is not valid."},
		"email before phone":     {record: profileWith(`"Phone":"223","Email":"@b.co"`), code: 515, Chars: "Profile data is incorrect. Email is not valid."},
		"short phone":            {record: profileWith(`"Phone":"223"`), code: 516, Chars: "Profile data is incorrect. Phone number is not valid."},
		"two plus signs":         {record: profileWith(`"Phone":"+44+441234"`), code: 516, Chars: "Profile data is incorrect. Phone number is not valid."},
		"phone without plus":     {record: profileWith(`"Phone":"35922333232"`), code: 516, Chars: "Profile data is incorrect. Phone number is not valid."},
		"gender":                 {record: profileWith(`"Gender":"X"`), code: 514, Chars: "Profile data is incorrect. Gender needs to be M/F."},
		"employed":               {record: profileWith(`"Employed":"yes"`), code: 517, Chars: "Profile data is incorrect. Employed needs to be Y/N."},
		"education, double stop": {record: profileWith(`"Education":"PhD"`), code: 518, Chars: "Profile data is incorrect. Education needs to be School/College/Graduate.."},
		"married":                {record: profileWith(`"Married":"no"`), code: 519, Chars: "Profile data is incorrect. Married needs to be Y/N."},
		"age":                    {record: profileWith(`"Age":"aa"`), code: 520, Chars: "Profile data is incorrect. Age is invalid."},
		"age as text":            {record: profileWith(`"Age":"18"`)},
		"echo is not faithful": {
			record: profileWith(`"Phone":"+35922333232","identity":13,"Age":"aa"`), code: 520,
			Chars: "Profile data is incorrect. Age is invalid.",
			echo:  profileWith(`"Phone":35922333232,"identity":"13","Age":"aa"`),
		},
		"echo before the phone is read": {
			record: profileWith(`"Phone":"+35922333232","identity":13,"Email":"x"`), code: 515,
			Chars: "Profile data is incorrect. Email is not valid.",
		},
		"no type":              {record: `{"identity":"a","profileData":{}}`, code: 524, Chars: "Record is neither an event nor a profile. "},
		"not an object":        {record: `5`, code: 524, Chars: "Record is neither an event nor a profile. "},
		"no profile data":      {record: `{"type":"profile","identity":"a"}`, code: 524, Chars: "Record is neither an event nor a profile. "},
		"no identity":          {record: `{"type":"profile","profileData":{}}`, code: 523, Chars: "Identity is missing. "},
		"empty identity":       {record: `{"type":"profile","identity":"","profileData":{}}`, code: 523, Chars: "Identity is missing. "},
		"identity too long":    {record: `{"type":"profile","identity":"` + strings.Repeat("é", 1025) + `","profileData":{}}`, code: 523, Chars: "Identity is missing. "},
		"identity just fits":   {record: `{"type":"profile","identity":"` + strings.Repeat("é", 1024) + `","profileData":{}}`},
		"object id of blanks":  {record: `{"type":"profile","objectId":" ","profileData":{}}`, code: 526, Chars: "ObjectId is invalid. "},
		"ts 0 on a profile":    {record: `{"type":"profile","identity":"a","ts":0,"profileData":{}}`, code: 525, Chars: "Timestamp should be present in the Unix Epoch format. "},
		"ts in milliseconds":   {record: `{"type":"profile","identity":"a","ts":1700000000000,"profileData":{}}`, code: 525, Chars: "Timestamp should be present in the Unix Epoch format. "},
		"ts as text":           {record: `{"type":"profile","identity":"a","ts":"1700000000","profileData":{}}`, code: 525, Chars: "Timestamp should be present in the Unix Epoch format. "},
		"event":                {record: eventWith("Bought", `"Price":59.99,"on":"$D_1700000000"`)},
		"event without ts":     {record: `{"type":"event","identity":"a","evtName":"Bought","evtData":{}}`},
		"event without a name": {record: eventWith("", ``), code: 509, Chars: "Event Name is incorrect. ErrorCode: 509 - Event name is mandatory. "},
		"restricted":           {record: eventWith("Web Page Viewed", ``), code: 513, Chars: "Event Name is incorrect. ErrorCode: 513 - Trying to raise a restricted system event. "},
		"restricted, folded":   {record: eventWith("app LAUNCHED", ``), code: 513, Chars: "Event Name is incorrect. ErrorCode: 513 - Trying to raise a restricted system event. "},
		"discarded":            {record: eventWith("old event", ``), code: 528, Chars: "Event Name is incorrect. ErrorCode: 528 - Trying to raise a discarded event. "},
		"no event data":        {record: `{"type":"event","identity":"a","evtName":"Bought"}`, code: 512, Chars: "Event structure is incorrect. ErrorCode: 512 - Invalid event structure. "},
		"nested event data":    {record: eventWith("Bought", `"x":{"y":1}`), code: 512, Chars: "Event structure is incorrect. ErrorCode: 512 - Invalid event structure. "},
		"charged items":        {record: eventWith("Charged", `"Amount":3,"Items":[{"sku":1}]`)},
		"100 properties":       {record: eventWith("Bought", strings.Join(manyProps[:100], ","))},
		"101 properties":       {record: eventWith("Bought", strings.Join(manyProps, ",")), code: 522, Chars: "Event data is incorrect. ErrorCode: 522 - Event properties limit exceeded. "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig()
			cfg.DiscardedEvents = []string{"OldEvent"}
			_, got := newRig(t, cfg).upload(profileWith(`"plan":"x"`), tc.record)
			want := `{ "status" : "success" , "processed" : 2 , "unprocessed" : [ ]}`
			if tc.code != 0 {
				echo := tc.record
				if tc.echo != "" {
					echo = tc.echo
				}
				want = fmt.Sprintf(`{ "status" : "partial" , "processed" : 1 , "unprocessed" : [ { "status":"fail","code":%d,"error":"%sSkipped record number : 2","record":%s}]}`, tc.code, tc.Chars, echo)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"a@b.co": true, "first.last+tag@mail.example.com": true, "ü@b.co": true,
		"": false, "a": false, "a@": false, "@b.co": false, "a@b": false, "a@b.c": false, "a@@b.co": false,
		"a b@c.co": false, "a@b..co": false, ".a@b.co": false, "a.@b.co": false, "a@.co": false, "a@-b.co": false, "a@b.co-": false,
	} {
		if got := rules.ValidEmail(rules.AppendString(nil, []byte(address))); got != want {
			t.Errorf("validEmail(%q) = %t", address, got)
		}
	}
}

// TestSystemPropertiesInAnyCase checks and stores them under CleverTap's names; a name with
// blanks is another.
func TestSystemPropertiesInAnyCase(t *testing.T) {
	t.Parallel()
	r := newRig(t, testConfig())
	_, body := r.upload(profileWith(`"EMAIL":"nonsense"`), profileWith(`"gender":"X"`), profileWith(`"E mail":"nonsense"`),
		profileWith(`"EMAIL":"ada@example.com","msg-EMAIL":false,"pHONE":"+14155551234"`))
	for _, want := range []string{`"code":515`, `"code":514`, `"processed" : 2`} {
		if !strings.Contains(body, want) {
			t.Errorf("answer %s has no %s", body, want)
		}
	}
	got := r.get("/sandbox/v1/profiles/a")
	for _, want := range []string{`"E mail":"nonsense"`, `"Email":"ada@example.com"`, `"MSG-email":false`, `"Phone":"+14155551234"`} {
		if !strings.Contains(got, want) {
			t.Errorf("profile %s has no %s", got, want)
		}
	}
}
