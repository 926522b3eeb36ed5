package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretLines are the lines of a private key's file, for a search of what was
// printed.
func secretLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[1 : len(lines)-1]
}

func TestKeysSnowflake(t *testing.T) {
	t.Parallel()
	passphrase := file(t, "passphrase", "correct horse\n")
	for name, c := range map[string]struct {
		args []string
		out  string   // begins standard output
		says []string // on standard error
	}{
		"a first key":     {nil, "ALTER USER TAPLINE SET RSA_PUBLIC_KEY='MII", []string{"privateKey: ref+file:///run/secrets/key.p8", "keep no other copy"}},
		"the next":        {[]string{"--rotate", "--user", "a b\"c"}, `ALTER USER "a b""c" SET RSA_PUBLIC_KEY_2='MII`, []string{"secondPrivateKey: what privateKey says today", `ALTER USER "a b""c" UNSET RSA_PUBLIC_KEY;`}},
		"back to the one": {[]string{"--rotate", "--slot", "1"}, "ALTER USER TAPLINE SET RSA_PUBLIC_KEY='MII", []string{"UNSET RSA_PUBLIC_KEY_2;"}},
		"encrypted":       {[]string{"--passphrase-file", passphrase, "--directory", "/etc/tapline/secrets"}, "ALTER USER", []string{"privateKeyPassphrase:", "ref+file:///etc/tapline/secrets/key.p8"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "key.p8")
			r := tapline(t, "", append([]string{"keys", "snowflake", "--out", path}, c.args...)...)
			if r.code != ExitDone || !strings.HasPrefix(r.out, c.out) || strings.Count(r.out, "\n") != 1 {
				t.Fatalf("%+v", r)
			}
			for _, want := range c.says {
				if !strings.Contains(r.err, want) {
					t.Errorf("%q is not in\n%s", want, r.err)
				}
			}
			for _, line := range append(secretLines(t, path), "correct horse") {
				if strings.Contains(r.out+r.err, line) {
					t.Error("what is printed holds a part of the private key or the passphrase")
				}
			}
		})
	}
	path := filepath.Join(t.TempDir(), "key.p8")
	var made keyMade
	r := tapline(t, "", "keys", "snowflake", "--out", path, "-o", "json")
	if err := json.Unmarshal([]byte(r.out), &made); err != nil || made.PrivateKeyFile != path || !strings.Contains(made.SQL, made.PublicKey) || made.Fingerprint == "" {
		t.Errorf("%+v: %v", r, err)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"there already": {[]string{"--out", path}, "is there already"},
		"no terminal":   {[]string{"--out", path + "2", "--encrypt"}, "--passphrase-file"},
		"short":         {[]string{"--out", path + "2", "--bits", "1024"}, "2048 to 4096 bits"},
		"a third slot":  {[]string{"--out", path + "2", "--slot", "3"}, "--slot is 1 or 2"},
		"two lines":     {[]string{"--out", path + "2", "--passphrase-file", file(t, "two", "a\nb\n")}, "one line"},
		"no such file":  {[]string{"--out", path + "2", "--passphrase-file", path + "3"}, "reading the passphrase"},
		"a folder":      {[]string{"--out", path + "2", "--directory", "secrets"}, "absolute path"},
	} {
		if r := tapline(t, "", append([]string{"keys", "snowflake"}, c.args...)...); r.code != ExitFailed || !strings.Contains(r.err, c.says) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := os.Stat(path + "2"); err == nil {
		t.Error("a refused command has written a key")
	}
}
