//go:build cgo

package dev

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// Names of the resources that are applied at the start.
const (
	connectionName = "warehouse"
	accountName    = "clevertap"
)

const refFile = "ref+file://"

// secrets holds the credentials for the two sandboxes and the files with them.
type secrets struct {
	password, passwordFile   string
	accountID, accountIDFile string
	passcode, passcodeFile   string
}

func (c Config) secrets() (s secrets, err error) {
	dir := c.path("secrets")
	if s.password, s.passwordFile, err = secret(dir, "snowflake-password"); err != nil {
		return s, err
	}
	if s.accountID, s.accountIDFile, err = secret(dir, "clevertap-account-id"); err != nil {
		return s, err
	}
	s.passcode, s.passcodeFile, err = secret(dir, "clevertap-passcode")
	return s, err
}

// resources returns the documents of the connection and the account, which name the two
// sandboxes.
func (d *Dev) resources() ([]json.RawMessage, error) {
	host, portText, err := net.SplitHostPort(strings.TrimPrefix(d.endpoints.Snowflake.URL, "http://"))
	if err != nil {
		return nil, fmt.Errorf("reading the sandbox Snowflake's address: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("reading the sandbox Snowflake's port: %w", err)
	}
	var out []json.RawMessage
	for _, r := range []struct {
		kind, name string
		spec       any
	}{
		{schemas.KindSnowflakeConnection, connectionName, schemas.SnowflakeConnectionSpec{
			Account: d.endpoints.Snowflake.Account, User: d.endpoints.Snowflake.User,
			Warehouse: d.endpoints.Snowflake.Warehouse, Database: database, Schema: schema,
			Password: refFile + d.secrets.passwordFile, Host: host, Port: port, Protocol: "http",
		}},
		{schemas.KindCleverTapAccount, accountName, schemas.CleverTapAccountSpec{
			Endpoint:  d.endpoints.CleverTap.URL,
			AccountID: refFile + d.secrets.accountIDFile, Passcode: refFile + d.secrets.passcodeFile,
		}},
	} {
		raw, err := json.Marshal(map[string]any{
			"apiVersion": schemas.APIVersion, "kind": r.kind,
			"metadata": schemas.Metadata{Name: r.name}, "spec": r.spec,
		})
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", r.name, err)
		}
		out = append(out, raw)
	}
	return out, nil
}

// writeResources also writes the documents to a file, for services that run as separate
// programs. The file is JSON, which is valid YAML.
func (d *Dev) writeResources(documents []json.RawMessage) error {
	parts := make([]string, len(documents))
	for i, raw := range documents {
		parts[i] = string(raw)
	}
	text := strings.Join(parts, "\n---\n") + "\n"
	if err := os.WriteFile(d.cfg.path(resourcesName), []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the resources: %w", err)
	}
	return nil
}

const resourcesName = "resources.yaml"
