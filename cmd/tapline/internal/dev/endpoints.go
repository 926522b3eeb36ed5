//go:build cgo

package dev

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Endpoints is endpoints.json: where everything is and how to sign in.
type Endpoints struct {
	ImportCenter string            `json:"importCenter"`
	Kafka        string            `json:"kafka"`
	Redis        string            `json:"redis"`
	KafkaPrefix  string            `json:"kafkaPrefix"`
	RedisPrefix  string            `json:"redisPrefix"`
	Snowflake    SnowflakeEndpoint `json:"snowflake"`
	CleverTap    CleverTapEndpoint `json:"clevertap"`
	Admin        map[string]string `json:"admin"`
	Files        map[string]string `json:"files"`
}

// SnowflakeEndpoint is the sandbox Snowflake.
type SnowflakeEndpoint struct {
	URL       string `json:"url"`
	Account   string `json:"account"`
	User      string `json:"user"`
	Password  string `json:"password"`
	Warehouse string `json:"warehouse"`
}

// CleverTapEndpoint is the sandbox CleverTap.
type CleverTapEndpoint struct {
	URL       string `json:"url"`
	AccountID string `json:"accountId"`
	Passcode  string `json:"passcode"`
}

const endpointsName = "endpoints.json"

// writeEndpoints replaces the file in one step, so that nobody reads half of it.
func writeEndpoints(path string, e Endpoints) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the endpoints: %w", err)
	}
	if err := writeWhole(path, append(text, '\n')); err != nil {
		return fmt.Errorf("writing the endpoints: %w", err)
	}
	return nil
}

func writeWhole(path string, text []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// removeEndpoints removes the file, whose existence says that all is ready.
func removeEndpoints(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the endpoints: %w", err)
	}
	return nil
}

// secret returns the secret of a name and the file it lies in, making one at the
// first start. It stays the same over restarts, because definitions in the log
// refer to the file.
func secret(dir, name string) (text, path string, err error) {
	path, err = filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", "", fmt.Errorf("finding the secret %s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", fmt.Errorf("making the directory of secrets: %w", err)
	}
	held, err := os.ReadFile(path)
	switch {
	case err == nil && len(held) > 0:
		return strings.TrimSpace(string(held)), path, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", "", fmt.Errorf("reading the secret %s: %w", name, err)
	}
	text = rand.Text()
	if err := writeWhole(path, []byte(text+"\n")); err != nil {
		return "", "", fmt.Errorf("writing the secret %s: %w", name, err)
	}
	return text, path, nil
}
