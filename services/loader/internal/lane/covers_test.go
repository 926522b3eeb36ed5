package lane

import "testing"

func TestCovers(t *testing.T) {
	t.Parallel()
	profile := func(data string) []byte {
		return []byte(`{"type":"profile","identity":"42","profileData":{` + data + `}}`)
	}
	for name, c := range map[string]struct {
		older, newer []byte
		want         bool
	}{
		"equal":              {profile(`"a":1`), profile(`"a":1`), true},
		"other values":       {profile(`"a":1,"b":"x"`), profile(`"b":"y","a":2`), true},
		"more properties":    {profile(`"a":1`), profile(`"a":2,"b":3`), true},
		"a property is gone": {profile(`"a":1,"b":2`), profile(`"a":2`), false},
		"another spelling":   {profile(`"a":1`), profile(`"A":2`), false},
		"an equal object":    {profile(`"a":{"x":1}`), profile(`"a":{"x":1}`), true},
		"another object":     {profile(`"a":{"x":1}`), profile(`"a":{"y":1}`), false},
		"nothing":            {profile(``), profile(`"a":1`), true},
		"another identity":   {profile(`"a":1`), []byte(`{"type":"profile","objectId":"42","profileData":{"a":1}}`), false},
		"no JSON":            {profile(`"a":1`), []byte(`{`), false},
	} {
		if got := Covers(c.older, c.newer); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
