// Package keypair makes key pairs for Snowflake. The private half is written where
// the program runs and goes nowhere else.
package keypair

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// Bits that a key may have: Snowflake takes no shorter ones, and longer ones only
// cost time at each sign-in.
const (
	MinBits = 2048
	MaxBits = 4096
)

// Pair is a key pair.
type Pair struct {
	private *rsa.PrivateKey
}

// New makes a key pair.
func New(bits int) (Pair, error) {
	if bits < MinBits || bits > MaxBits {
		return Pair{}, fmt.Errorf("a key for Snowflake has %d to %d bits, not %d", MinBits, MaxBits, bits)
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return Pair{}, fmt.Errorf("making a key: %w", err)
	}
	return Pair{private: key}, nil
}

// Public is the public half as Snowflake's RSA_PUBLIC_KEY takes it: base64 without
// the lines around it. Fingerprint is how DESCRIBE USER shows it.
func (p Pair) Public() (key, fingerprint string, err error) {
	der, err := x509.MarshalPKIXPublicKey(&p.private.PublicKey)
	if err != nil {
		return "", "", fmt.Errorf("encoding the public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return base64.StdEncoding.EncodeToString(der), "SHA256:" + base64.StdEncoding.EncodeToString(sum[:]), nil
}

// Write writes the private half to a new file that its owner alone may read, as
// PKCS#8, encrypted unless the passphrase is empty. A file that is there already is
// never overwritten: it may be the only copy of a key in use.
func (p Pair) Write(path, passphrase string) error {
	der, err := x509.MarshalPKCS8PrivateKey(p.private)
	if err != nil {
		return fmt.Errorf("encoding the private key: %w", err)
	}
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	if passphrase != "" {
		if block.Bytes, err = encrypt(der, passphrase); err != nil {
			return fmt.Errorf("encrypting the private key: %w", err)
		}
		block.Type = "ENCRYPTED PRIVATE KEY"
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already and may be a key in use; name another file with --out", path)
	}
	if err != nil {
		return fmt.Errorf("writing the private key: %w", err)
	}
	err = pem.Encode(file, block)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		// Half a key is of no use to anybody.
		return fmt.Errorf("writing the private key: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}
