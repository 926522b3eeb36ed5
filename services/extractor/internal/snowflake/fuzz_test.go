package snowflake

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzPrivateKey: any file may stand where a key is expected. It is read or
// refused, without a word of what it holds.
func FuzzPrivateKey(f *testing.F) {
	files, err := filepath.Glob("testdata/p*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "secret")
		f.Add(string(text[:len(text)/2]), "")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "")
	f.Add("-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n", "x")
	f.Fuzz(func(t *testing.T, text, passphrase string) {
		key, err := parseKey(text, passphrase)
		if (key == nil) == (err == nil) {
			t.Fatalf("key %v, error %v", key != nil, err)
		}
		if err != nil && len(passphrase) > 8 && strings.Contains(err.Error(), passphrase) {
			t.Fatal("the error holds the passphrase")
		}
	})
}
