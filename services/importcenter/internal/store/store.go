// Package store writes secrets to files, which the services that use them read.
// Import Center itself never reads a secret back.
package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The folders of the store, by the system that a secret signs in to. They are apart
// so that a deployment can mount into each service only the secrets that it needs.
const (
	ForSnowflake = "snowflake" // the extractor
	ForCleverTap = "clevertap" // the loader
)

// MaxBytes is the size of the largest secret. The services read no larger one.
const MaxBytes = 64 << 10

// ErrValue says that a value is no valid secret. Its text does not hold the value.
var ErrValue = errors.New("a secret is one line of text, or a private key in PEM, of at most 64 KiB")

// Store is a directory of secrets. If Dir is empty, the deployment stores none.
type Store struct{ Dir string }

// Reference is what a definition says in place of a secret of the store.
func (s Store) Reference(use, name string) string {
	return "ref+file://" + filepath.Join(s.Dir, use, name)
}

// Value returns a secret as it is stored: a line break at the end of a value in one line
// is cut off, as the services do.
func Value(text string) (string, error) {
	if !strings.HasPrefix(text, "-----BEGIN ") {
		text = strings.TrimRight(text, "\r\n")
		if strings.ContainsAny(text, "\r\n") {
			return "", ErrValue
		}
	}
	if text == "" || len(text) > MaxBytes || strings.ContainsRune(text, 0) {
		return "", ErrValue
	}
	return text, nil
}

// Put writes a secret to a file that only its owner may read. The write is atomic.
func (s Store) Put(use, name, text string) error {
	value, err := Value(text)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.Dir, use)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of secrets: %w", err)
	}
	// Names of secrets hold no dot, so the temporary file never has a secret's name.
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

// Secret is what is known of a stored secret.
type Secret struct {
	Use, Name string
	Stored    time.Time
}

// List returns what is stored, without any value.
func (s Store) List() ([]Secret, error) {
	out := []Secret{}
	for _, use := range []string{ForCleverTap, ForSnowflake} {
		entries, err := os.ReadDir(filepath.Join(s.Dir, use))
		if ignoreMissing(err) != nil {
			return nil, fmt.Errorf("listing secrets: %w", err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if ignoreMissing(err) != nil {
				return nil, fmt.Errorf("listing secrets: %w", err)
			}
			// What is about to be renamed has a dot in its name.
			if err == nil && info.Mode().IsRegular() && !strings.Contains(e.Name(), ".") {
				out = append(out, Secret{Use: use, Name: e.Name(), Stored: info.ModTime().UTC()})
			}
		}
	}
	return out, nil
}

// Delete removes a secret; one that is not there is none.
func (s Store) Delete(use, name string) error {
	if err := ignoreMissing(os.Remove(filepath.Join(s.Dir, use, name))); err != nil {
		return fmt.Errorf("removing a secret: %w", err)
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
