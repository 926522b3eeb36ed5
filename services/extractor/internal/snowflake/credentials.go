package snowflake

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/schemas"
)

// credential is one way to sign in.
type credential struct {
	kind       gosnowflake.AuthType
	password   string
	token      string
	privateKey *rsa.PrivateKey
}

// credentials lists the ways in the order to try them: two for a key that is
// being rotated, else one.
func credentials(conn schemas.SnowflakeConnectionSpec) ([]credential, error) {
	switch {
	case conn.PrivateKey != "":
		first, err := parseKey(conn.PrivateKey, conn.PrivateKeyPassphrase)
		if err != nil {
			return nil, keyError("privateKey", err)
		}
		out := []credential{{kind: gosnowflake.AuthTypeJwt, privateKey: first}}
		if conn.SecondPrivateKey != "" {
			second, err := parseKey(conn.SecondPrivateKey, conn.PrivateKeyPassphrase)
			if err != nil {
				return nil, keyError("secondPrivateKey", err)
			}
			out = append(out, credential{kind: gosnowflake.AuthTypeJwt, privateKey: second})
		}
		return out, nil
	case conn.Token != "":
		return []credential{{kind: gosnowflake.AuthTypePat, token: conn.Token}}, nil
	case conn.OAuthToken != "":
		return []credential{{kind: gosnowflake.AuthTypeOAuth, token: conn.OAuthToken}}, nil
	case conn.Password != "":
		return []credential{{kind: gosnowflake.AuthTypeSnowflake, password: conn.Password}}, nil
	}
	return nil, &Error{Code: CodeConnection, Permanent: true, Reason: "the connection has no privateKey, password, token or oauthToken"}
}

func keyError(field string, err error) error {
	return &Error{Code: CodeConnection, Permanent: true, Reason: "the connection's " + field + " cannot be used: " + err.Error()}
}

// parseKey reads an RSA key in PEM: PKCS#8, plain or encrypted, or PKCS#1. Its
// errors say nothing of the key.
func parseKey(text, passphrase string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is not a PEM file")
	}
	der := block.Bytes
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(der)
		if err != nil {
			return nil, errors.New("it is not an RSA key")
		}
		return key, nil
	case "ENCRYPTED PRIVATE KEY":
		if passphrase == "" {
			return nil, errors.New("it is encrypted and privateKeyPassphrase is missing")
		}
		var err error
		if der, err = decryptPKCS8(der, []byte(passphrase)); err != nil {
			return nil, err
		}
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("it is not a PKCS#8 key, or the passphrase is wrong")
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("it is not an RSA key")
	}
	return rsaKey, nil
}
