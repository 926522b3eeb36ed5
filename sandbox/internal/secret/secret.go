// Package secret masks passwords wherever a configuration is printed.
package secret

// Text is a text whose value is not for printing.
type Text string

// MarshalText masks the secret.
func (t Text) MarshalText() ([]byte, error) {
	if t == "" {
		return nil, nil
	}
	return []byte("***"), nil
}

// String masks the secret.
func (t Text) String() string {
	if t == "" {
		return ""
	}
	return "***"
}
