package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMisspelt(t *testing.T) {
	t.Parallel()
	keys := []string{"kafka.brokers", "kafka.sasl.password", "redis.keyPrefix", "http.addr", "secrets.directories"}
	for name, c := range map[string]struct {
		variable, want string
	}{
		"a letter is missing":    {"TAPLINE_KAFKA_BROKER=a:1", "TAPLINE_KAFKA_BROKER has no effect; did you mean TAPLINE_KAFKA_BROKERS?"},
		"a secret is not shown":  {"TAPLINE_KAFKA_SASL_PASWORD=hush", "TAPLINE_KAFKA_SASL_PASWORD has no effect; did you mean TAPLINE_KAFKA_SASL_PASSWORD?"},
		"lower case":             {"TAPLINE_redis_key_prefix=x", "TAPLINE_redis_key_prefix has no effect; did you mean TAPLINE_REDIS_KEY_PREFIX?"},
		"spelt right":            {"TAPLINE_KAFKA_BROKERS=a:1", ""},
		"the command line's":     {"TAPLINE_TOKEN=x", ""},
		"a secret of an account": {"TAPLINE_SECRET_DIRECTORIES=x", ""},
		"Kubernetes' own":        {"TAPLINE_HTTP_SERVICE_HOST=10.0.0.1", ""},
		"a port of Kubernetes'":  {"TAPLINE_PORT_80_TCP_ADDR=10.0.0.1", ""},
		"near to nothing":        {"TAPLINE_DEPARTMENT=crm", ""},
		"another program's":      {"KAFKA_BROKER=a:1", ""},
	} {
		err := Misspelt([]string{"HOME=/", c.variable}, keys)
		if got := said(err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestOneFileForSeveralPrograms: keys of others are passed over, and a key that no
// program has is refused wherever it stands.
func TestOneFileForSeveralPrograms(t *testing.T) {
	t.Parallel()
	others := []string{"http.addr", "http.tls.certFile", "server.hosts", "batchRows"}
	for name, c := range map[string]struct{ file, want string }{
		"sections of others":        {"server: {addr: 'a:1', hosts: [a]}\nhttp: {addr: 'b:1', tls: {certFile: c}}\nbatchRows: 5", ""},
		"misspelt here":             {"servr: {addr: 'a:1'}", "servr: unknown key; did you mean server?"},
		"misspelt in one's section": {"server: {adr: 'a:1'}", "server.adr: unknown key; did you mean addr?"},
		"misspelt in another's":     {"http: {adr: 'b:1'}", "http.adr: unknown key"},
		"deeper in another's":       {"http: {tls: {cert: c}}", "http.tls.cert: unknown key"},
		"a section as a value":      {"http: 5", "http: unknown key"},
	} {
		path := filepath.Join(t.TempDir(), "tapline.yaml")
		if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		var own struct {
			Server struct{ Addr string }
		}
		err := Load(Source{File: path, Others: others, LookupEnv: func(string) (string, bool) { return "", false }}, &own)
		if c.want == "" && err != nil || !strings.Contains(said(err), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
