package signin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// errWeak says that a person has signed in at the provider, and not as the deployment
// requires it.
var errWeak = errors.New("the sign-in at the provider is weaker or older than required")

// Strength is how people must have signed in at the provider. The zero value requires
// nothing.
type Strength struct {
	// ACR are the authentication contexts of which a token must have one.
	ACR []string
	// AMR are the methods of which a token must name each.
	AMR []string
	// MaxAge bounds the time since the person has signed in at the provider; 0 does not.
	MaxAge time.Duration
}

// ask requests of the provider what check looks for.
func (s Strength) ask() []oauth2.AuthCodeOption {
	var options []oauth2.AuthCodeOption
	if len(s.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(s.ACR, " ")))
	}
	if s.MaxAge > 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(s.MaxAge.Seconds()))))
	}
	return options
}

// check judges the claims of a token. A claim that is required and absent is not taken for
// met: the provider decides what it asserts.
func (s Strength) check(claims map[string]any, now time.Time, skew time.Duration) error {
	if acr, _ := claims["acr"].(string); len(s.ACR) > 0 && !slices.Contains(s.ACR, acr) {
		return fmt.Errorf("%w: its acr", errWeak)
	}
	methods, _ := claims["amr"].([]any)
	for _, want := range s.AMR {
		if !slices.Contains(methods, any(want)) {
			return fmt.Errorf("%w: its amr", errWeak)
		}
	}
	if s.MaxAge == 0 {
		return nil
	}
	at, ok := claims["auth_time"].(float64)
	if !ok || now.After(time.Unix(int64(at), 0).Add(s.MaxAge+skew)) {
		return fmt.Errorf("%w: its auth_time", errWeak)
	}
	return nil
}
