package snowflake

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
)

// The standard library reads PKCS#8 only when it is not encrypted. This is the
// scheme that openssl writes: PBES2 (RFC 8018) with PBKDF2.

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2Params struct {
	KeyDerivation pkix.AlgorithmIdentifier
	Encryption    pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

var errScheme = errors.New("its encryption is not understood; write it with: openssl pkcs8 -topk8 -v2 aes256")

const maxIterations = 10_000_000

func decryptPKCS8(der, passphrase []byte) ([]byte, error) {
	var key encryptedKey
	var scheme pbes2Params
	var kdf pbkdf2Params
	if _, err := asn1.Unmarshal(der, &key); err != nil || key.Algorithm.Algorithm.String() != "1.2.840.113549.1.5.13" {
		return nil, errScheme
	}
	if _, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &scheme); err != nil || scheme.KeyDerivation.Algorithm.String() != "1.2.840.113549.1.5.12" {
		return nil, errScheme
	}
	if _, err := asn1.Unmarshal(scheme.KeyDerivation.Parameters.FullBytes, &kdf); err != nil || kdf.Iterations < 1 || kdf.Iterations > maxIterations {
		return nil, errScheme
	}
	digest, ok := prf(kdf.PRF)
	if !ok {
		return nil, errScheme
	}
	size, newCipher, ok := blockCipher(scheme.Encryption)
	if !ok {
		return nil, errScheme
	}
	var iv []byte
	if _, err := asn1.Unmarshal(scheme.Encryption.Parameters.FullBytes, &iv); err != nil {
		return nil, errScheme
	}
	secret, err := pbkdf2.Key(digest, string(passphrase), kdf.Salt, kdf.Iterations, size)
	if err != nil {
		return nil, errScheme
	}
	block, err := newCipher(secret)
	if err != nil || len(iv) != block.BlockSize() || len(key.Data) == 0 || len(key.Data)%block.BlockSize() != 0 {
		return nil, errScheme
	}
	out := make([]byte, len(key.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, key.Data)
	pad := int(out[len(out)-1])
	if pad < 1 || pad > block.BlockSize() {
		return nil, errors.New("privateKeyPassphrase is wrong")
	}
	return out[:len(out)-pad], nil
}

func prf(id pkix.AlgorithmIdentifier) (func() hash.Hash, bool) {
	switch id.Algorithm.String() {
	case "", "1.2.840.113549.2.7": // HMAC-SHA1 is the default
		return sha1.New, true
	case "1.2.840.113549.2.9":
		return sha256.New, true
	}
	return nil, false
}

func blockCipher(id pkix.AlgorithmIdentifier) (int, func([]byte) (cipher.Block, error), bool) {
	switch id.Algorithm.String() {
	case "2.16.840.1.101.3.4.1.2":
		return 16, aes.NewCipher, true
	case "2.16.840.1.101.3.4.1.22":
		return 24, aes.NewCipher, true
	case "2.16.840.1.101.3.4.1.42":
		return 32, aes.NewCipher, true
	case "1.2.840.113549.3.7":
		return 24, des.NewTripleDESCipher, true
	}
	return 0, nil, false
}
