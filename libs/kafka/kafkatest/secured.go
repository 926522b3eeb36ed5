package kafkatest

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/embedded"
	"tapline.dev/schemas"
)

// Secured is an embedded broker with authentication and access lists.
type Secured struct {
	// Admin may do anything.
	Admin kafka.Config

	admin *kadm.Client
}

// StartSecured runs a broker with users that may do nothing yet.
func StartSecured(t testing.TB, users ...string) *Secured {
	t.Helper()
	passwords := map[string]string{"admin": password("admin")}
	for _, user := range users {
		passwords[user] = password(user)
	}
	cluster, err := embedded.Start(embedded.Config{Passwords: passwords})
	if err != nil {
		t.Fatalf("starting Kafka: %v", err)
	}
	t.Cleanup(cluster.Close)
	s := &Secured{Admin: kafka.DefaultConfig()}
	s.Admin.Brokers = cluster.Addrs()
	s.Admin = s.As("admin")
	auth := scram.Auth{User: "admin", Pass: password("admin")}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Admin.Brokers...), kgo.SASL(auth.AsSha256Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.admin = kadm.NewClient(client)
	return s
}

func password(user string) string { return user + "-password" }

// As returns the configuration with which a user connects.
func (s *Secured) As(user string) kafka.Config {
	cfg := s.Admin
	cfg.SASL = kafka.SASLConfig{Mechanism: kafka.SASLScramSHA256, Username: user, Password: config.Secret(password(user))}
	return cfg
}

// Grant gives a user rights.
func (s *Secured) Grant(t testing.TB, user string, rights ...schemas.Right) {
	t.Helper()
	for _, r := range rights {
		results, err := s.admin.CreateACLs(t.Context(), builder(user, r))
		for _, result := range results {
			if err == nil {
				err = result.Err
			}
		}
		if err != nil {
			t.Fatalf("granting %+v to %s: %v", r, user, err)
		}
	}
}

// Revoke takes a right from a user.
func (s *Secured) Revoke(t testing.TB, user string, r schemas.Right) {
	t.Helper()
	results, err := s.admin.DeleteACLs(t.Context(), builder(user, r))
	taken := 0
	for _, result := range results {
		if err == nil {
			err = result.Err
		}
		taken += len(result.Deleted)
	}
	if err != nil || taken != 1 {
		t.Fatalf("taking %+v from %s: %v, %d were taken", r, user, err, taken)
	}
}

func builder(user string, r schemas.Right) *kadm.ACLBuilder {
	operation := map[string]kadm.ACLOperation{
		schemas.MayRead: kadm.OpRead, schemas.MayWrite: kadm.OpWrite, schemas.MayCreate: kadm.OpCreate, schemas.MayDescribe: kadm.OpDescribe, schemas.MayDelete: kadm.OpDelete,
	}[r.May]
	pattern := kadm.ACLPatternLiteral
	if r.Prefixed {
		pattern = kadm.ACLPatternPrefixed
	}
	b := kadm.NewACLs().Allow("User:" + user).AllowHosts("*").Operations(operation).ResourcePatternType(pattern)
	switch r.On {
	case schemas.OnTopic:
		return b.Topics(r.Name)
	case schemas.OnGroup:
		return b.Groups(r.Name)
	default:
		return b.TransactionalIDs(r.Name)
	}
}
