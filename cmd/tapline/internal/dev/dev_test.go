//go:build cgo

package dev

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/sandbox"
)

// portBase finds a base below the ports that the system gives to clients, all of
// whose ports are free.
func portBase(t *testing.T) int {
	t.Helper()
search:
	for base := 20000 + 100*(os.Getpid()%100); base < 32000; base += 100 {
		for offset := range adminDev + 1 {
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa(base+offset))
			if err != nil {
				continue search
			}
			_ = listener.Close()
		}
		return base
	}
	t.Fatal("no free ports")
	return 0
}

func TestRun(t *testing.T) {
	rows := filepath.Join(t.TempDir(), "rows.ndjson")
	if err := os.WriteFile(rows, []byte(`{"ID":1,"NAME":"Zoë"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load, err := ParseTable("SHOP.PUBLIC.PEOPLE=" + rows)
	if err != nil {
		t.Fatal(err)
	}
	filled := false
	var progress []string
	cfg := Config{
		Data: filepath.Join(t.TempDir(), "data"), PortBase: portBase(t), Load: []Table{load},
		Progress: func(what string) { progress = append(progress, what) },
		Fill: func(ctx context.Context, s *sandbox.Snowflake) error {
			filled = true
			return s.Exec(ctx, `CREATE TABLE "SHOP"."PUBLIC"."FILLED" (ID DECIMAL(38,0))`)
		},
	}
	endpoints := cfg.path(endpointsName)
	err = Run(t.Context(), cfg, func(ctx context.Context, d *Dev) error {
		text, err := os.ReadFile(endpoints)
		if err != nil {
			return err
		}
		var e Endpoints
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		if e.ImportCenter == "" || e.Snowflake.Password == "" || e.CleverTap.Passcode == "" {
			t.Errorf("endpoints.json holds %s", text)
		}
		checkReady(ctx, t, e)
		checkDescription(t, d)
		checkResources(ctx, t, e)
		checkTable(ctx, t, d)
		checkSecond(ctx, t, cfg)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !filled {
		t.Error("Fill was not called")
	}
	if said := strings.Join(progress, "\n"); !strings.Contains(said, "starting Kafka") || !strings.Contains(said, "rows.ndjson into SHOP.PUBLIC.PEOPLE") {
		t.Errorf("the start said %q", said)
	}
	if _, err := os.Stat(cfg.path("redis.keys")); err != nil {
		t.Errorf("what Redis held is not kept: %v", err)
	}
	if _, err := os.Stat(endpoints); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("endpoints.json is still there: %v", err)
	}
	if _, err := os.Stat(cfg.path("secrets", "rejects")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("rows of people lie among the secrets: %v", err)
	}
	for _, name := range []string{"snowflake-password", "clevertap-passcode"} {
		info, err := os.Stat(cfg.path("secrets", name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// checkDescription looks for what a newcomer needs to go on.
func checkDescription(t *testing.T, d *Dev) {
	t.Helper()
	var b strings.Builder
	d.Describe(&b)
	for _, want := range []string{"SHOP.PUBLIC.PEOPLE   1 rows   (ID NUMBER(38,0), NAME VARCHAR)", "connection warehouse", "account clevertap", "tapline apply -f"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the description has no %q:\n%s", want, b.String())
		}
	}
}

func checkReady(ctx context.Context, t *testing.T, e Endpoints) {
	t.Helper()
	if len(e.Admin) != 6 {
		t.Errorf("admin endpoints: %v", e.Admin)
	}
	for name, url := range e.Admin {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s is not ready: %s", name, res.Status)
		}
	}
}

func checkResources(ctx context.Context, t *testing.T, e Endpoints) {
	t.Helper()
	c, err := client.New(e.ImportCenter, "test")
	if err != nil {
		t.Fatal(err)
	}
	for plural, name := range map[string]string{"connections": connectionName, "accounts": accountName} {
		list, err := c.Resources(ctx, plural)
		if err != nil || len(list.Items) != 1 || list.Items[0].Metadata.Name != name {
			t.Errorf("%s: %v, %v", plural, list.Items, err)
			continue
		}
		if !strings.Contains(string(list.Items[0].Spec), refFile) {
			t.Errorf("%s holds no secret references: %s", plural, list.Items[0].Spec)
		}
	}
}

func checkTable(ctx context.Context, t *testing.T, d *Dev) {
	t.Helper()
	conn, err := d.Snowflake().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var name string
	if err := conn.QueryRowContext(ctx, `SELECT NAME FROM "SHOP"."PUBLIC"."PEOPLE" WHERE ID = 1`).Scan(&name); err != nil || name != "Zoë" {
		t.Errorf("loaded table holds %q, %v", name, err)
	}
}

// checkSecond shows that a second one is refused with a sentence that says what
// to do.
func checkSecond(ctx context.Context, t *testing.T, cfg Config) {
	t.Helper()
	never := func(context.Context, *Dev) error {
		t.Error("a second one started")
		return nil
	}
	err := Run(ctx, Config{Data: cfg.Data, PortBase: portBase(t)}, never)
	if err == nil || !strings.Contains(err.Error(), "is in use by process "+strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("the same directory: %v", err)
	}
	err = Run(ctx, Config{Data: filepath.Join(t.TempDir(), "other"), PortBase: cfg.PortBase}, never)
	if err == nil || !strings.Contains(err.Error(), "is in use") || !strings.Contains(err.Error(), "--port-base") {
		t.Errorf("the same ports: %v", err)
	}
	if err := Clear(cfg.Data); err == nil {
		t.Error("a directory in use was emptied")
	}
}

func TestOnlyInfra(t *testing.T) {
	cfg := Config{Data: filepath.Join(t.TempDir(), "data"), PortBase: portBase(t), OnlyInfra: true}
	err := Run(t.Context(), cfg, func(ctx context.Context, d *Dev) error {
		if len(d.Endpoints().Admin) != 0 {
			t.Errorf("admin endpoints without services: %v", d.Endpoints().Admin)
		}
		if _, err := os.Stat(cfg.path(resourcesName)); err != nil {
			t.Errorf("no resources to apply: %v", err)
		}
		// The ports of the services are left to them.
		return checkPortFree(ctx, cfg.addr(portImportCenter), "Import Center")
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestServiceThatFails shows that the end of one service ends all, with its name.
func TestServiceThatFails(t *testing.T) {
	cfg := Config{Data: filepath.Join(t.TempDir(), "data"), PortBase: portBase(t), Redis: "nonsense"}
	err := Run(t.Context(), cfg, func(context.Context, *Dev) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "--redis") {
		t.Errorf("a Redis that is no address: %v", err)
	}
}

func TestParseTable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "T", "=file", "T=", "T=/nowhere/at/all.csv"} {
		if _, err := ParseTable(text); err == nil || !strings.Contains(err.Error(), "--load") {
			t.Errorf("ParseTable(%q) = %v", text, err)
		}
	}
}

func TestSecretStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, path, err := secret(dir, "s")
	if err != nil {
		t.Fatal(err)
	}
	second, again, err := secret(dir, "s")
	if err != nil || second != first || again != path || !filepath.IsAbs(path) {
		t.Errorf("secret = %q %s %v, then %q %s", first, path, err, second, again)
	}
}
