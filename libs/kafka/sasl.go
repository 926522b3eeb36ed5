package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"tapline.dev/libs/config"
)

// Mechanisms of SASL.
const (
	SASLPlain       = "PLAIN"
	SASLScramSHA256 = "SCRAM-SHA-256"
	SASLScramSHA512 = "SCRAM-SHA-512"
	SASLOAuthBearer = "OAUTHBEARER"
)

// SASLConfig is how clients authenticate.
type SASLConfig struct {
	// Mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; empty for
	// none.
	Mechanism string
	// Username and Password are for PLAIN and SCRAM.
	Username string
	Password config.Secret
	// Token is for OAUTHBEARER. A TokenFile is read for each connection and each
	// renewal instead, so that something else can replace the token in time.
	Token     config.Secret
	TokenFile string
}

// Validate demands what the mechanism needs and nothing else.
func (c SASLConfig) Validate() error {
	var errs []error
	bad := func(wrong bool, key, problem string) {
		if wrong {
			errs = append(errs, config.Bad(key, "%s", problem))
		}
	}
	named, tokened := c.Username != "" || c.Password != "", c.Token != "" || c.TokenFile != ""
	switch c.Mechanism {
	case "":
		bad(named || tokened, "mechanism", "must be set for a username, password or token to count")
	case SASLPlain, SASLScramSHA256, SASLScramSHA512:
		bad(c.Username == "", "username", "must be set for "+c.Mechanism)
		bad(c.Password == "", "password", "must be set for "+c.Mechanism)
		bad(tokened, "token", "is for OAUTHBEARER only")
	case SASLOAuthBearer:
		bad(!tokened, "token", "must be set for OAUTHBEARER, or tokenFile")
		bad(c.Token != "" && c.TokenFile != "", "tokenFile", "must not be set beside token")
		bad(named, "username", "is not for OAUTHBEARER: the token says who it is")
	default:
		bad(true, "mechanism", "must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER")
	}
	return errors.Join(errs...)
}

// mechanism is nil without SASL.
func (c SASLConfig) mechanism() sasl.Mechanism {
	switch c.Mechanism {
	case SASLPlain:
		return plain.Auth{User: c.Username, Pass: c.Password.Reveal()}.AsMechanism()
	case SASLScramSHA256:
		return scram.Auth{User: c.Username, Pass: c.Password.Reveal()}.AsSha256Mechanism()
	case SASLScramSHA512:
		return scram.Auth{User: c.Username, Pass: c.Password.Reveal()}.AsSha512Mechanism()
	case SASLOAuthBearer:
		return oauth.Oauth(func(context.Context) (oauth.Auth, error) {
			token, err := c.token()
			return oauth.Auth{Token: token}, err
		})
	}
	return nil
}

func (c SASLConfig) token() (string, error) {
	if c.TokenFile == "" {
		return c.Token.Reveal(), nil
	}
	text, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("reading the token: %s is empty", c.TokenFile)
	}
	return token, nil
}
