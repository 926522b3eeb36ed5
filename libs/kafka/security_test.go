package kafka_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tapline.dev/libs/config"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/tlsconf"
	"tapline.dev/libs/tlsconf/tlstest"
)

// secured starts a broker with the options; a failure to connect ends soon.
func secured(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config, context.Context) {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	must(t, err)
	t.Cleanup(cluster.Close)
	cfg := kafka.DefaultConfig()
	cfg.Brokers = cluster.ListenAddrs()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return cluster, cfg, ctx
}

func TestTLSWithClientCertificates(t *testing.T) {
	t.Parallel()
	authority := tlstest.New(t)
	_, cfg, ctx := secured(t, kfake.TLS(authority.Server(t)))
	cfg.TLS = authority.Client(t)
	if n, err := kafka.Brokers(ctx, cfg, kafkatest.Deps()); err != nil || n != 1 {
		t.Errorf("Brokers() = %d, %v, want 1", n, err)
	}
	for name, change := range map[string]func(*tlsconf.Config){
		"no certificate":        func(c *tlsconf.Config) { c.CertFile, c.KeyFile = "", "" },
		"another authority":     func(c *tlsconf.Config) { *c = tlstest.New(t).Client(t) },
		"another name":          func(c *tlsconf.Config) { c.ServerName = "kafka.example.com" },
		"no TLS":                func(c *tlsconf.Config) { *c = tlsconf.Config{} },
		"the system's trust":    func(c *tlsconf.Config) { c.CAFile = "" },
		"a certificate is gone": func(c *tlsconf.Config) { c.CertFile += ".gone" },
	} {
		other := cfg
		change(&other.TLS)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := kafka.Brokers(ctx, other, kafkatest.Deps()); err == nil {
			t.Errorf("%s: connected", name)
		}
		cancel()
	}
}

func TestSASLWithPasswords(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{kafka.SASLPlain, kafka.SASLScramSHA256, kafka.SASLScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			_, cfg, ctx := secured(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "loader", "right"))
			cfg.SASL = kafka.SASLConfig{Mechanism: mechanism, Username: "loader", Password: "right"}
			if _, err := kafka.Brokers(ctx, cfg, kafkatest.Deps()); err != nil {
				t.Errorf("Brokers() error = %v", err)
			}
			cfg.SASL.Password = "wrong-password"
			_, err := kafka.Brokers(ctx, cfg, kafkatest.Deps())
			if err == nil || !strings.Contains(err.Error(), "kafka.sasl") || strings.Contains(err.Error(), "wrong-password") {
				t.Errorf("with a wrong password: %v, want a refusal that does not show it", err)
			}
		})
	}
}

// TestOAuthTokenIsReadForEachConnection answers for the broker, which has no
// OAUTHBEARER of its own.
func TestOAuthTokenIsReadForEachConnection(t *testing.T) {
	t.Parallel()
	cluster, cfg, ctx := secured(t)
	tokens := make(chan string, 10)
	cluster.ControlKey(int16(kmsg.SASLHandshake), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return r.ResponseKind(), nil, true
	})
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		_, rest, _ := bytes.Cut(r.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes, []byte("auth=Bearer "))
		token, _, _ := bytes.Cut(rest, []byte{1})
		tokens <- string(token)
		return r.ResponseKind(), nil, true
	})
	file := filepath.Join(t.TempDir(), "token")
	cfg.SASL = kafka.SASLConfig{Mechanism: kafka.SASLOAuthBearer, TokenFile: file}
	for _, token := range []string{"first", "second"} {
		must(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
		if _, err := kafka.Brokers(ctx, cfg, kafkatest.Deps()); err != nil {
			t.Fatal(err)
		}
		if got := <-tokens; got != token {
			t.Errorf("the broker got %q, want %q", got, token)
		}
		for len(tokens) > 0 { // one for each connection
			<-tokens
		}
	}
	must(t, os.Remove(file))
	if _, err := kafka.Brokers(ctx, cfg, kafkatest.Deps()); err == nil || !strings.Contains(err.Error(), "reading the token") {
		t.Errorf("without the file: %v, want that said", err)
	}
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	ok := kafka.DefaultConfig()
	if err := config.Validate(&ok); err != nil {
		t.Errorf("DefaultConfig() is invalid: %v", err)
	}
	for want, change := range map[string]func(*kafka.Config){
		"sasl.mechanism: must be PLAIN":           func(c *kafka.Config) { c.SASL.Mechanism = "GSSAPI" },
		"sasl.mechanism: must be set":             func(c *kafka.Config) { c.SASL.Username = "a" },
		"sasl.username: must be set for PLAIN":    func(c *kafka.Config) { c.SASL = kafka.SASLConfig{Mechanism: "PLAIN", Password: "p"} },
		"sasl.password: must be set for SCRAM":    func(c *kafka.Config) { c.SASL = kafka.SASLConfig{Mechanism: "SCRAM-SHA-512", Username: "u"} },
		"sasl.token: must be set for OAUTHBEARER": func(c *kafka.Config) { c.SASL.Mechanism = "OAUTHBEARER" },
		"sasl.token: is for OAUTHBEARER": func(c *kafka.Config) {
			c.SASL = kafka.SASLConfig{Mechanism: "PLAIN", Username: "u", Password: "p", Token: "t"}
		},
		"sasl.tokenFile: must not be set":           func(c *kafka.Config) { c.SASL = kafka.SASLConfig{Mechanism: "OAUTHBEARER", Token: "t", TokenFile: "f"} },
		"sasl.username: is not for OAUTHBEARER":     func(c *kafka.Config) { c.SASL = kafka.SASLConfig{Mechanism: "OAUTHBEARER", Token: "t", Username: "u"} },
		"tls.enabled: must be true":                 func(c *kafka.Config) { c.TLS.CAFile = "/ca.pem" },
		"minInsyncReplicas: must be between 0":      func(c *kafka.Config) { c.ReplicationFactor, c.MinInsyncReplicas = 2, 3 },
		"replicationFactor: must not be negative":   func(c *kafka.Config) { c.ReplicationFactor = -1 },
		"brokers: must name at least one host:port": func(c *kafka.Config) { c.Brokers = nil },
	} {
		cfg := kafka.DefaultConfig()
		change(&cfg)
		if err := config.Validate(&cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() error = %v, want %q", err, want)
		}
	}
}
