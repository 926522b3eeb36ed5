package keypair

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func made(t *testing.T) Pair {
	t.Helper()
	pair, err := New(MinBits)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// belongs fails unless a private key in DER is the pair's.
func belongs(t *testing.T, pair Pair, der []byte) {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok || !private.Equal(pair.private) {
		t.Error("the file holds another key")
	}
	public, fingerprint, err := pair.Public()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(public)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.ParsePKIXPublicKey(raw)
	if err != nil || !private.PublicKey.Equal(other) || !strings.HasPrefix(fingerprint, "SHA256:") {
		t.Errorf("the public key is another's (%v), or %q is no fingerprint", err, fingerprint)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	pair, path := made(t), filepath.Join(t.TempDir(), "key.p8")
	if err := pair.Write(path, ""); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	belongs(t, pair, block.Bytes)
	if err := made(t).Write(path, ""); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a key was overwritten: %v", err)
	}
	if again, err := os.ReadFile(path); err != nil || string(again) != string(text) {
		t.Error("the key that was there has changed")
	}
	if err := pair.Write(filepath.Join(t.TempDir(), "nowhere", "key.p8"), ""); err == nil {
		t.Error("written into a folder that is not there")
	}
}

// TestEncrypted is read by openssl, as any other program would read it.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("openssl is missing: .ci/run installs it")
	}
	if err != nil {
		t.Skip("openssl is not installed")
	}
	pair, path := made(t), filepath.Join(t.TempDir(), "key.p8")
	if err := pair.Write(path, "correct horse"); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); !strings.HasPrefix(string(text), "-----BEGIN ENCRYPTED PRIVATE KEY-----") {
		t.Fatal("it is not encrypted")
	}
	read := func(passphrase string) ([]byte, error) {
		return exec.CommandContext(t.Context(), openssl, "pkcs8", "-in", path, "-passin", "pass:"+passphrase, "-outform", "DER", "-topk8", "-nocrypt").Output()
	}
	der, err := read("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	belongs(t, pair, der)
	if _, err := read("wrong horse"); err == nil {
		t.Error("it opens with another passphrase")
	}
}

func TestBits(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{0, 1024, MinBits - 1, MaxBits + 1} {
		if _, err := New(bits); err == nil {
			t.Errorf("a key of %d bits", bits)
		}
	}
}
