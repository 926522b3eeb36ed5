package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tapline.dev/libs/config"
)

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	secret := config.Secret("hunter2")
	holder := struct{ S config.Secret }{secret}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "secret", secret, "holder", holder)
	asJSON, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for name, shown := range map[string]string{
		"%v": fmt.Sprintf("%v", holder), "%+v": fmt.Sprintf("%+v", holder), "%#v": fmt.Sprintf("%#v", holder),
		"String": secret.String(), "%q": fmt.Sprintf("%q", secret),
		"json": string(asJSON), "yaml": string(asYAML), "slog": logged.String(),
	} {
		if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "***") {
			t.Errorf("%s shows %q, want a mask", name, shown)
		}
	}
	if got := secret.Reveal(); got != "hunter2" {
		t.Errorf("Reveal() = %q, want the secret", got)
	}
	if got := config.Secret("").String(); got != "" {
		t.Errorf("String() of no secret = %q, want nothing", got)
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text    string
		want    config.Bytes
		printed string
	}{
		{"4MiB", 4 << 20, "4MiB"},
		{"1024", 1024, "1KiB"},
		{"0", 0, "0B"},
		{"1.5 KiB", 1536, "1536B"},
		{"10kB", 10_000, "10000B"},
		{"2TiB", 2 << 40, "2TiB"},
	}
	for _, test := range tests {
		var got config.Bytes
		if err := got.UnmarshalText([]byte(test.text)); err != nil || got != test.want || got.String() != test.printed {
			t.Errorf("%q = %d (%s), %v, want %d (%s)", test.text, got, got, err, test.want, test.printed)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "4mib", "0.5B", "NaN", "1e30", "9223372036854775808", "4 M iB"} {
		var got config.Bytes
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q = %d, want an error", text, got)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Setenv("TAPLINE_TEST_SECRET", "  spaced ")
	file := writeFile(t, "key", "line one\nline two\n\n")
	empty := writeFile(t, "empty", "\n")
	tests := map[string]struct {
		ref     string
		want    config.Secret
		is      error
		wantErr string
	}{
		"variable":           {ref: "ref+env://TAPLINE_TEST_SECRET", want: "  spaced "},
		"file":               {ref: "ref+file://" + file, want: "line one\nline two\n"},
		"unset variable":     {ref: "ref+env://TAPLINE_TEST_NO_SECRET", wantErr: "is not set"},
		"no variable":        {ref: "ref+env://", wantErr: "needs the name"},
		"missing file":       {ref: "ref+file:///no/such/file", is: os.ErrNotExist},
		"empty file":         {ref: "ref+file://" + empty, wantErr: "empty"},
		"relative path":      {ref: "ref+file://key", wantErr: "absolute path"},
		"unknown kind":       {ref: "ref+awssecrets://x", wantErr: "unknown kind"},
		"not a reference":    {ref: "hunter2", is: config.ErrNotReference},
		"nothing":            {ref: "", is: config.ErrNotReference},
		"plain env spelling": {ref: "env://X", is: config.ErrNotReference},
	}
	for name, test := range tests {
		got, err := config.Resolve(test.ref)
		switch {
		case test.is != nil:
			if !errors.Is(err, test.is) {
				t.Errorf("%s: Resolve() error = %v, want %v", name, err, test.is)
			}
		case test.wantErr != "":
			if err == nil || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("%s: Resolve() error = %v, want %q", name, err, test.wantErr)
			}
		case err != nil || got != test.want:
			t.Errorf("%s: Resolve() = %q, %v, want %q", name, got.Reveal(), err, test.want.Reveal())
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}
