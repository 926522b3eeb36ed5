package loader

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/resources"
	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

func TestDefaultConfigIsValid(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	if err := config.Validate(&cfg); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	t.Parallel()
	for key, spoil := range map[string]func(*Config){
		"linger":           func(c *Config) { c.Linger = 0 },
		"extractingLinger": func(c *Config) { c.ExtractingLinger = 0 },
		"maxReplicas":      func(c *Config) { c.MaxReplicas = 0 },
		"outageThreshold":  func(c *Config) { c.OutageThreshold = 0 },
		"backoffMax":       func(c *Config) { c.BackoffMax = time.Millisecond },
		"requestTimeout":   func(c *Config) { c.RequestTimeout = c.Kafka.SessionTimeout },
		"leaseInterval":    func(c *Config) { c.LeaseInterval = c.RequestTimeout + 1 },
		"drainTimeout":     func(c *Config) { c.DrainTimeout = c.Kafka.RebalanceTimeout + 1 },
		"bufferRecords":    func(c *Config) { c.BufferRecords = 1 },
		"bufferBytes":      func(c *Config) { c.BufferBytes = 1 },
	} {
		cfg := DefaultConfig()
		spoil(&cfg)
		if err := config.Validate(&cfg); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: Validate() = %v, want an error that names it", key, err)
		}
	}
}

func TestAccountsResolve(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		spec     string // of the resource; "" deletes it
		custom   bool
		endpoint string
		wantErr  string
	}{
		{"a region", `{"region":"in1","accountId":"ref+file:///etc/hostname","passcode":"ref+file:///etc/hostname"}`, false, "https://in1.api.clevertap.com", ""},
		{"Europe has no prefix", `{"region":"eu1","accountId":"ref+file:///etc/hostname","passcode":"ref+file:///etc/hostname"}`, false, "https://api.clevertap.com", ""},
		{"an endpoint", `{"endpoint":"http://localhost:1","accountId":"ref+file:///etc/hostname","passcode":"ref+file:///etc/hostname"}`, true, "http://localhost:1", ""},
		{"an endpoint that is not allowed", `{"endpoint":"http://localhost:1","accountId":"ref+file:///etc/hostname","passcode":"ref+file:///etc/hostname"}`, false, "", "does not allow"},
		{"no such region", `{"region":"mars","accountId":"ref+file:///etc/hostname","passcode":"ref+file:///etc/hostname"}`, true, "", "region"},
		{"a plain passcode", `{"region":"in1","accountId":"ref+file:///etc/hostname","passcode":"s3cret"}`, true, "", "passcode"},
		{"a secret that is not there", `{"region":"in1","accountId":"ref+file:///nowhere/id","passcode":"ref+file:///etc/hostname"}`, true, "", "accountId"},
		{"unreadable", `[]`, true, "", "cannot be read"},
		{"deleted", "", true, "", "not defined"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newAccountSpecs(tt.custom, config.References{Directories: []string{"/etc"}}, egress.Default(), resources.New(kafkatest.Deps()))
			rec := &kafka.Record{Key: []byte(schemas.ResourceKey(schemas.KindCleverTapAccount, "main"))}
			if tt.spec != "" {
				rec.Value = []byte(`{"kind":"CleverTapAccount","spec":` + tt.spec + `}`)
			}
			a.resources.Apply(rec)
			spec := a.lookup("main")
			account, pool, err := a.resolve(spec, time.Second)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("resolve() = %v, want an error with %q and no secret", err, tt.wantErr)
				}
				return
			}
			if err != nil || account.Endpoint != tt.endpoint || pool == "" {
				t.Errorf("resolve() = %q, %q, %v; want %q", account.Endpoint, pool, err, tt.endpoint)
			}
			if spec.Slots != 15 || spec.RecordsPerUpload != 1000 || spec.BytesPerUpload != 4<<20 {
				t.Errorf("defaults %+v", spec)
			}
		})
	}
}
