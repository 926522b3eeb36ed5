package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/config"
)

type kafkaConfig struct {
	Brokers     []string
	TLS         bool
	FetchBytes  config.Bytes
	SessionTime time.Duration
}

func (c kafkaConfig) Validate() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, config.Bad("brokers", "must not be empty"))
	}
	if c.SessionTime <= 0 {
		errs = append(errs, config.Bad("sessionTime", "must be positive"))
	}
	return errors.Join(errs...)
}

type listener struct {
	Name string
	Port int
}

func (l listener) Validate() error {
	if l.Port == 0 {
		return config.Bad("port", "must be given")
	}
	return nil
}

type testConfig struct {
	Kafka     kafkaConfig
	Password  config.Secret
	AccountID string
	Ratio     float64
	Replicas  uint8
	Custom    *kafkaConfig
	Listeners []listener
	Labels    map[string]string
	Renamed   string `yaml:"other"`
	Skipped   string `yaml:"-"`
	Hook      func()
}

func defaults() testConfig {
	return testConfig{
		Kafka:    kafkaConfig{Brokers: []string{"localhost:9092"}, SessionTime: time.Minute, FetchBytes: 1 << 20},
		Replicas: 1,
	}
}

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	t.Parallel()
	secretFile := writeFile(t, "secret", "from file\n")
	tests := map[string]struct {
		yaml    string
		env     []string
		flags   map[string]string
		want    func(*testConfig)
		wantErr string
	}{
		"defaults":      {want: func(*testConfig) {}},
		"comments only": {yaml: "# nothing\n", want: func(*testConfig) {}},
		"every kind of value": {
			yaml: `
kafka: {brokers: [a:1, "b:2"], tls: true, fetchBytes: 4MiB, sessionTime: 1m30s}
password: hunter2
accountId: "007"
ratio: 0.25
replicas: 3
custom: {brokers: [c:3], sessionTime: 1s}
listeners: [{name: x, port: 80}]
labels: {team: growth}
other: renamed
`,
			want: func(c *testConfig) {
				c.Kafka = kafkaConfig{Brokers: []string{"a:1", "b:2"}, TLS: true, FetchBytes: 4 << 20, SessionTime: 90 * time.Second}
				c.Password, c.AccountID, c.Ratio, c.Replicas = "hunter2", "007", 0.25, 3
				c.Custom = &kafkaConfig{Brokers: []string{"c:3"}, SessionTime: time.Second}
				c.Listeners = []listener{{Name: "x", Port: 80}}
				c.Labels = map[string]string{"team": "growth"}
				c.Renamed = "renamed"
			},
		},
		"a text that looks like a number stays a text": {yaml: "accountId: 0123", want: func(c *testConfig) { c.AccountID = "0123" }},
		"null keeps the default":                       {yaml: "kafka:\nreplicas:\n", want: func(*testConfig) {}},
		"an alias": {yaml: "labels: &l {a: b}\ncustom: {brokers: &b [x:1], sessionTime: 1s}\nkafka: {brokers: *b}", want: func(c *testConfig) {
			c.Labels = map[string]string{"a": "b"}
			c.Custom = &kafkaConfig{Brokers: []string{"x:1"}, SessionTime: time.Second}
			c.Kafka.Brokers = []string{"x:1"}
		}},
		"environment over file": {
			yaml: "kafka: {brokers: [file:1]}\naccountId: file",
			env:  []string{"TAPLINE_KAFKA_BROKERS=env:1, env:2", "TAPLINE_KAFKA_FETCH_BYTES=10kB", "TAPLINE_UNKNOWN=x"},
			want: func(c *testConfig) {
				c.Kafka.Brokers, c.Kafka.FetchBytes, c.AccountID = []string{"env:1", "env:2"}, 10_000, "file"
			},
		},
		"flag over environment": {
			env:   []string{"TAPLINE_ACCOUNT_ID=env"},
			flags: map[string]string{"accountId": "flag"},
			want:  func(c *testConfig) { c.AccountID = "flag" },
		},
		"secret from a variable": {
			yaml: "password: ref+env://PASS",
			env:  []string{"PASS=from env"},
			want: func(c *testConfig) { c.Password = "from env" },
		},
		"secret from a file": {
			yaml: "password: ref+file://" + secretFile,
			want: func(c *testConfig) { c.Password = "from file" },
		},
		"secret that is not there": {yaml: "password: ref+env://PASS", wantErr: "password: variable PASS is not set"},
		"secret of unknown kind":   {yaml: "password: ref+vault://x", wantErr: "password: unknown kind of secret reference"},
		"unknown key": {
			yaml:    "accountId: x\nkafka:\n  brokers: [a:1]\n  brokrs: [b:1]\n",
			wantErr: "line 4: kafka.brokrs: unknown key",
		},
		"unknown key in a list":   {yaml: "listeners: [{nme: x, port: 1}]", wantErr: "line 1: listeners[0].nme: unknown key"},
		"excluded field":          {yaml: "skipped: x", wantErr: "skipped: unknown key"},
		"key given twice":         {yaml: "accountId: a\naccountId: b", wantErr: "line 2: accountId: key given twice"},
		"all problems at once":    {yaml: "a: 1\nb: 2", wantErr: "line 2: b: unknown key"},
		"two documents":           {yaml: "accountId: a\n---\naccountId: b", wantErr: "exactly one document"},
		"not YAML":                {yaml: "a: [", wantErr: "parsing YAML"},
		"list instead of keys":    {yaml: "kafka: [a]", wantErr: "line 1: kafka: want keys and values"},
		"key instead of list":     {yaml: "kafka: {brokers: a}", wantErr: "kafka.brokers: want a list"},
		"duration without a unit": {yaml: "kafka: {sessionTime: 5}", wantErr: "kafka.sessionTime: want a duration"},
		"size without sense":      {yaml: "kafka: {fetchBytes: 4MiBB}", wantErr: "kafka.fetchBytes: want a size"},
		"number too large":        {yaml: "replicas: 256", wantErr: "replicas: want a whole number"},
		"boolean of YAML 1.1":     {yaml: "kafka: {tls: yes}", wantErr: "kafka.tls: want true or false"},
		"bad variable":            {env: []string{"TAPLINE_REPLICAS=x"}, wantErr: "TAPLINE_REPLICAS: want a whole number"},
		"unknown flag":            {flags: map[string]string{"nope": "x"}, wantErr: "--nope: no such key"},
		"rules of a section": {
			yaml:    "kafka: {brokers: [], sessionTime: 0s}",
			wantErr: "kafka.brokers: must not be empty\nkafka.sessionTime: must be positive",
		},
		"rules of a list":    {yaml: "listeners: [{port: 1}, {name: b}]", wantErr: "listeners[1].port: must be given"},
		"rules of a pointer": {yaml: "custom: {brokers: [a:1]}", wantErr: "custom.sessionTime: must be positive"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := config.Source{LookupEnv: env(test.env...), Flags: test.flags}
			if test.yaml != "" {
				src.File = writeFile(t, "config.yaml", test.yaml)
			}
			got := defaults()
			err := config.Load(src, &got)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) || !errors.Is(err, config.ErrInvalid) {
					t.Fatalf("Load() error = %v, want ErrInvalid with %q", err, test.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatalf("Load() error = %v", err)
			}
			want := defaults()
			test.want(&want)
			if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Hook" }, cmp.Ignore())); diff != "" {
				t.Errorf("Load() mismatch (-want +got)\n%s", diff)
			}
		})
	}
}

func TestLoadMissingFile(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	err := config.Load(config.Source{File: "/no/such/file.yaml", LookupEnv: env()}, &cfg)
	if !errors.Is(err, os.ErrNotExist) || !errors.Is(err, config.ErrInvalid) {
		t.Errorf("Load() error = %v, want ErrInvalid and ErrNotExist", err)
	}
}

func TestLoadNeverRepeatsValues(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{"replicas: s3cret", "kafka: {sessionTime: s3cret}", "kafka: {tls: s3cret}", "ratio: s3cret", "kafka: {fetchBytes: s3cret}"} {
		cfg := defaults()
		err := config.Load(config.Source{File: writeFile(t, "c.yaml", yaml), LookupEnv: env()}, &cfg)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("Load(%q) error = %v, want one without the value", yaml, err)
		}
	}
}

func TestLoadSeveralStructs(t *testing.T) {
	t.Parallel()
	first := struct{ Admin struct{ Addr string } }{}
	second := struct{ Kafka struct{ Brokers []string } }{}
	path := writeFile(t, "c.yaml", "admin: {addr: x}\nkafka: {brokers: [b]}")
	if err := config.Load(config.Source{File: path, LookupEnv: env()}, &first, &second); err != nil {
		t.Fatalf("Load() error = %v", err)
	}
	if first.Admin.Addr != "x" || !cmp.Equal(second.Kafka.Brokers, []string{"b"}) {
		t.Errorf("Load() = %+v, %+v", first, second)
	}
}

func TestLoadRefusesAmbiguousKeys(t *testing.T) {
	t.Parallel()
	cfg := struct {
		AdminAddr string
		Admin     struct{ Addr string }
	}{}
	err := config.Load(config.Source{LookupEnv: env()}, &cfg)
	if err == nil || !strings.Contains(err.Error(), "share the variable TAPLINE_ADMIN_ADDR") {
		t.Errorf("Load() error = %v, want one about the shared variable", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.Password = "hunter2"
	settings, err := config.Settings(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range settings {
		got = append(got, fmt.Sprintf("%s %s %s", s.Key, s.Env, s.Value))
	}
	want := []string{
		"kafka.brokers TAPLINE_KAFKA_BROKERS localhost:9092",
		"kafka.tls TAPLINE_KAFKA_TLS false",
		"kafka.fetchBytes TAPLINE_KAFKA_FETCH_BYTES 1MiB",
		"kafka.sessionTime TAPLINE_KAFKA_SESSION_TIME 1m0s",
		"password TAPLINE_PASSWORD ***",
		"accountId TAPLINE_ACCOUNT_ID ",
		"ratio TAPLINE_RATIO 0",
		"replicas TAPLINE_REPLICAS 1",
		"other TAPLINE_OTHER ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Settings() mismatch (-want +got)\n%s", diff)
	}
}

func TestPrintIsReadBack(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.Password = "hunter2"
	cfg.AccountID = "true"
	cfg.Listeners = []listener{{Name: "x", Port: 1}}
	cfg.Labels = map[string]string{"b": "2", "a": "1"}
	var out strings.Builder
	if err := config.Print(&out, &cfg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("Print() shows the secret:\n%s", out.String())
	}
	var back testConfig
	if err := config.Load(config.Source{File: writeFile(t, "c.yaml", out.String()), LookupEnv: env()}, &back); err != nil {
		t.Fatalf("Load() of what Print wrote: %v\n%s", err, out.String())
	}
	cfg.Password = "***"
	if diff := cmp.Diff(cfg, back, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Hook" }, cmp.Ignore())); diff != "" {
		t.Errorf("read back mismatch (-want +got)\n%s", diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("kafka: {brokers: [a:1]}\nreplicas: 3"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("custom: {fetchBytes: 1e3}"))
	f.Add([]byte("? [a]\n: b"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		cfg := defaults()
		_ = config.Decode(data, &cfg) // must not panic or hang
	})
}
