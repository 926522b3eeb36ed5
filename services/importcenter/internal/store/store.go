// Package store keeps secrets as files for the services that use them. Nothing
// reads a secret back.
package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Who uses a secret: each has a folder of its own, so that a deployment can give
// each service its own alone.
const (
	ForSnowflake = "snowflake" // the extractor
	ForCleverTap = "clevertap" // the loader
)

// MaxBytes is what the services read of a secret.
const MaxBytes = 64 << 10

// ErrValue is the one refusal of a value. It says nothing of it.
var ErrValue = errors.New("a secret is one line of text, or a private key in PEM, of at most 64 KiB")

// Store is a directory of secrets; "" keeps none.
type Store struct{ Dir string }

// Reference is how a definition names a secret of the store.
func (s Store) Reference(use, name string) string {
	return "ref+file://" + filepath.Join(s.Dir, use, name)
}

// Put writes a secret, whole or not at all, to a file that its owner alone may
// read. A line break at the end is cut off where the services would do so.
func (s Store) Put(use, name, value string) error {
	if !strings.HasPrefix(value, "-----BEGIN ") {
		value = strings.TrimRight(value, "\r\n")
		if strings.ContainsAny(value, "\r\n") {
			return ErrValue
		}
	}
	if value == "" || len(value) > MaxBytes || strings.ContainsRune(value, 0) {
		return ErrValue
	}
	dir := filepath.Join(s.Dir, use)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of secrets: %w", err)
	}
	// A name may hold no dot, so that no secret has the name of a file under way.
	path := filepath.Join(dir, name)
	temporary := path + ".new-" + rand.Text()
	if err := write(temporary, value); err != nil {
		return errors.Join(fmt.Errorf("writing a secret: %w", err), ignoreMissing(os.Remove(temporary)))
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(fmt.Errorf("putting a secret in its place: %w", err), ignoreMissing(os.Remove(temporary)))
	}
	return nil
}

func write(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Sync(), file.Close())
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
