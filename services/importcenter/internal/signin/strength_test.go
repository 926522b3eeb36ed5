package signin

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// TestStrength: what a token does not say is not taken for met.
func TestStrength(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for name, c := range map[string]struct {
		want   Strength
		claims string
		ok     bool
	}{
		"nothing required":           {Strength{}, `{}`, true},
		"one of two contexts":        {Strength{ACR: []string{"mfa", "phr"}}, `{"acr":"phr"}`, true},
		"another context":            {Strength{ACR: []string{"mfa"}}, `{"acr":"pwd"}`, false},
		"no context":                 {Strength{ACR: []string{"mfa"}}, `{}`, false},
		"a context in a list":        {Strength{ACR: []string{"mfa"}}, `{"acr":["mfa"]}`, false},
		"a context that begins so":   {Strength{ACR: []string{"mfa"}}, `{"acr":"mfa2"}`, false},
		"a null context":             {Strength{ACR: []string{"0"}}, `{"acr":0}`, false},
		"each method":                {Strength{AMR: []string{"pwd", "otp"}}, `{"amr":["otp","x","pwd"]}`, true},
		"a method is missing":        {Strength{AMR: []string{"pwd", "otp"}}, `{"amr":["pwd"]}`, false},
		"methods in a text":          {Strength{AMR: []string{"otp"}}, `{"amr":"otp"}`, false},
		"no methods":                 {Strength{AMR: []string{"otp"}}, `{"acr":"otp"}`, false},
		"recent":                     {Strength{MaxAge: time.Hour}, `{"auth_time":1799996400}`, true},
		"recent within the skew":     {Strength{MaxAge: time.Hour}, `{"auth_time":1799996341}`, true},
		"too long ago":               {Strength{MaxAge: time.Hour}, `{"auth_time":1799996339}`, false},
		"no time":                    {Strength{MaxAge: time.Hour}, `{"iat":1800000000}`, false},
		"a time as text":             {Strength{MaxAge: time.Hour}, `{"auth_time":"1800000000"}`, false},
		"context right, method not":  {Strength{ACR: []string{"mfa"}, AMR: []string{"otp"}}, `{"acr":"mfa","amr":["pwd"]}`, false},
		"both right, and a long ago": {Strength{ACR: []string{"mfa"}, MaxAge: time.Minute}, `{"acr":"mfa","auth_time":1}`, false},
	} {
		var claims map[string]any
		if err := json.Unmarshal([]byte(c.claims), &claims); err != nil {
			t.Fatal(err)
		}
		err := c.want.check(claims, now, time.Minute)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, errWeak) {
			t.Errorf("%s = %v", name, err)
		}
	}
}
