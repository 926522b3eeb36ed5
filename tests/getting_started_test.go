package tests

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapline.dev/libs/telemetry"
	"tapline.dev/sandbox"
	"tapline.dev/tests/harness"
)

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	publicKey  = regexp.MustCompile(`RSA_PUBLIC_KEY = '([^']+)'`)
	granted    = regexp.MustCompile(`(?m)^GRANT (\w+ ON \w+ \S+) TO ROLE`)
)

// TestGettingStarted types every command of the page, in its order, as a person would.
// Beside that it does what others do: it is Snowflake's administrator, who runs the SQL,
// and it points the definitions at the sandboxes in place of the real hosts.
func TestGettingStarted(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(harness.Root(), "docs", "getting-started.md"))
	if err != nil {
		t.Fatal(err)
	}
	c := harness.Start(t, harness.Options{})
	dir := t.TempDir()
	secrets := filepath.Join(filepath.Dir(c.Endpoints.Files["resources"]), "secrets")
	copyFile(t, filepath.Join(secrets, "clevertap-account-id"), filepath.Join(dir, "account-id.txt"))
	copyFile(t, filepath.Join(secrets, "clevertap-passcode"), filepath.Join(dir, "passcode.txt"))
	typed := 0
	for _, block := range shellBlock.FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(strings.ReplaceAll(line, "/run/secrets", secrets))
			if strings.HasPrefix(line, "tapline init --snowflake-account") {
				// The page's deployment has its secrets in /run/secrets, the sandbox elsewhere.
				line = strings.Replace(line, "tapline init", "tapline init --secrets-directory "+secrets, 1)
			}
			out := typeLine(t, c, dir, line)
			typed++
			switch {
			case strings.HasPrefix(line, "tapline init --secrets-directory"):
				administer(t, c, dir)
			case strings.HasPrefix(line, "tapline connection test"):
				if strings.Contains(out, "warning") || !strings.Contains(out, "TAPLINE_WH") {
					t.Errorf("%s: the grants are not what is needed:\n%s", line, out)
				}
			case strings.HasPrefix(line, "tapline run"):
				if !strings.Contains(out, "succeeded") {
					t.Errorf("%s:\n%s", line, out)
				}
			}
		}
	}
	if typed < 12 {
		t.Errorf("the page has %d commands", typed)
	}
	if profiles := c.Profiles(t); len(profiles) != 3 || profiles["c-1"]["Email"] != "asha@example.com" {
		t.Errorf("CleverTap has %+v", profiles)
	}
}

// typeLine runs a line in a shell.
func typeLine(t *testing.T, c *harness.Cluster, dir, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TAPLINE_SERVER="+c.Endpoints.ImportCenter, "PATH="+filepath.Dir(c.Program("tapline"))+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// administer runs grants.sql: it starts a Snowflake in which the user has the public key
// and the role the grants that stand in it, and points the definitions at the sandboxes.
func administer(t *testing.T, c *harness.Cluster, dir string) {
	t.Helper()
	sql, err := os.ReadFile(filepath.Join(dir, "grants.sql"))
	if err != nil {
		t.Fatal(err)
	}
	key := publicKey.FindSubmatch(sql)
	if key == nil {
		t.Fatalf("no key in\n%s", sql)
	}
	der, err := base64.StdEncoding.DecodeString(string(key[1]))
	if err != nil {
		t.Fatal(err)
	}
	cfg := sandbox.DefaultSnowflakeConfig()
	cfg.Listen, cfg.Account, cfg.Password = "127.0.0.1:0", "ACME-EU1", ""
	cfg.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for _, m := range granted.FindAllStringSubmatch(string(sql), -1) {
		cfg.Grants = append(cfg.Grants, m[1])
	}
	if len(cfg.Grants) != 4 {
		t.Errorf("granted is %q", cfg.Grants)
	}
	snowflake, err := sandbox.NewSnowflake(cfg, telemetry.Discard().Logger)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`CREATE TABLE SHOP.PUBLIC.CUSTOMERS (CUSTOMER_ID VARCHAR, EMAIL VARCHAR, SPEND DECIMAL(12,2), PASSWORD VARCHAR, UPDATED_AT TIMESTAMP)`,
		`INSERT INTO SHOP.PUBLIC.CUSTOMERS VALUES ('c-1', 'asha@example.com', 12.50, 'x', '2026-01-01 00:00:00'), ('c-2', NULL, NULL, NULL, '2026-01-02 00:00:00'), ('c-3', 'li@example.com', 0, NULL, '2026-01-03 00:00:00')`,
	} {
		if err := snowflake.Change(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context())) // it runs until the cleanup
	done := make(chan error, 1)
	go func() { done <- snowflake.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the sandbox Snowflake: %v", err)
		}
	})
	<-snowflake.Ready()
	host, port, err := net.SplitHostPort(snowflake.Addr())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "resources.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pointed := strings.NewReplacer(
		"  account: acme-eu1\n", "  account: acme-eu1\n  host: "+host+"\n  port: "+port+"\n  protocol: http\n",
		"  region: eu1\n", "  endpoint: "+c.Endpoints.CleverTap.URL+"\n",
	).Replace(string(text))
	if strings.Count(pointed, "\n") != strings.Count(string(text), "\n")+3 || !strings.Contains(pointed, "endpoint:") {
		t.Fatalf("the definitions could not be pointed at the sandboxes:\n%s", text)
	}
	if err := os.WriteFile(path, []byte(pointed), 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
