package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tapline.dev/cmd/tapline/internal/keypair"
)

// keyFlags say how a key pair is made.
type keyFlags struct {
	user, out, passphraseFile, directory string
	bits, slot                           int
	encrypt, rotate                      bool
}

// keyMade says how to use the new key pair. It contains no secret.
type keyMade struct {
	PrivateKeyFile string `json:"privateKeyFile"`
	PublicKey      string `json:"publicKey"`
	Fingerprint    string `json:"fingerprint"`
	SQL            string `json:"sql"`
	Reference      string `json:"reference"`
}

func (a *app) keysSnowflake() *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use: "snowflake", Short: "Make a key pair for Snowflake, here, and print what its administrator runs", Args: cobra.NoArgs,
		Long: `Make a key pair for Snowflake. The private half is written here, to a new file
that you alone may read, and is sent nowhere. What is printed holds nothing
secret: the SQL for Snowflake's administrator, and the reference for the
connection. Store the file where the extractor reads secrets.

--rotate makes the next key of a user: the old one stays until the new one signs
in. Snowflake keeps two keys of a user; --slot 1 if the one in use is
RSA_PUBLIC_KEY_2.`,
	}
	a.outputFlag(cmd)
	cmd.Flags().StringVar(&f.user, "user", "TAPLINE", "the user in Snowflake")
	cmd.Flags().StringVar(&f.out, "out", "", "the file for the private key (default snowflake_key.p8, with --rotate snowflake_key_2.p8)")
	cmd.Flags().StringVar(&f.directory, "directory", "/run/secrets", "the folder in which the extractor will find it, for the reference")
	cmd.Flags().IntVar(&f.bits, "bits", keypair.MinBits, fmt.Sprintf("length of the key, %d to %d", keypair.MinBits, keypair.MaxBits))
	cmd.Flags().BoolVar(&f.encrypt, "encrypt", false, "encrypt it with a passphrase, which is asked for")
	cmd.Flags().StringVar(&f.passphraseFile, "passphrase-file", "", "encrypt it with the passphrase in this file")
	cmd.Flags().BoolVar(&f.rotate, "rotate", false, "it replaces a key that is in use")
	cmd.Flags().IntVar(&f.slot, "slot", 0, "1 for RSA_PUBLIC_KEY, 2 for RSA_PUBLIC_KEY_2 (default 1, with --rotate 2)")
	checkFirst(cmd, func([]string) error { return f.settle() })
	cmd.RunE = func(*cobra.Command, []string) error {
		passphrase, err := a.passphrase(f)
		if err != nil {
			return err
		}
		made, err := f.make(passphrase)
		return a.printFetched(made, err, func() error { return a.showKey(made, f, passphrase != "") })
	}
	return cmd
}

// settle fills in the defaults of flags that depend on other flags.
func (f *keyFlags) settle() error {
	if f.slot < 0 || f.slot > 2 {
		return fmt.Errorf("--slot is 1 or 2, not %d", f.slot)
	}
	if strings.ContainsAny(f.user, "\r\n\x00") || f.user == "" {
		return errors.New("--user is the name of a user in Snowflake")
	}
	if !filepath.IsAbs(f.directory) {
		return errors.New("--directory is an absolute path, such as /run/secrets")
	}
	slot, out := 1, "snowflake_key.p8"
	if f.rotate {
		slot, out = 2, "snowflake_key_2.p8"
	}
	f.slot, f.out = cmp.Or(f.slot, slot), cmp.Or(f.out, out)
	return nil
}

func (f *keyFlags) make(passphrase string) (keyMade, error) {
	pair, err := keypair.New(f.bits)
	if err != nil {
		return keyMade{}, err
	}
	public, fingerprint, err := pair.Public()
	if err != nil {
		return keyMade{}, err
	}
	if err := pair.Write(f.out, passphrase); err != nil {
		return keyMade{}, err
	}
	return keyMade{
		PrivateKeyFile: f.out, PublicKey: public, Fingerprint: fingerprint,
		SQL:       fmt.Sprintf("ALTER USER %s SET %s='%s';", identifier(f.user), f.property(), public),
		Reference: "ref+file://" + filepath.Join(f.directory, filepath.Base(f.out)),
	}, nil
}

// property is the property of Snowflake's user that holds the public key.
func (f *keyFlags) property() string {
	if f.slot == 2 {
		return "RSA_PUBLIC_KEY_2"
	}
	return "RSA_PUBLIC_KEY"
}

var plainIdentifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*$`)

// identifier writes a user's name as Snowflake reads it.
func identifier(name string) string {
	if plainIdentifier.MatchString(name) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func (a *app) showKey(made keyMade, f keyFlags, encrypted bool) error {
	a.say("the private key is in %s; store it as %s and keep no other copy", made.PrivateKeyFile, strings.TrimPrefix(made.Reference, "ref+file://"))
	a.say("Snowflake's administrator runs (fingerprint %s):", made.Fingerprint)
	if _, err := fmt.Fprintln(a.io.Out, made.SQL); err != nil {
		return err
	}
	a.say("then the connection says:")
	a.say("  privateKey: %s", made.Reference)
	if encrypted {
		a.say("  privateKeyPassphrase: a reference to where you store the passphrase")
	}
	if f.rotate {
		other := map[int]string{1: "RSA_PUBLIC_KEY_2", 2: "RSA_PUBLIC_KEY"}[f.slot]
		a.say("  secondPrivateKey: what privateKey says today")
		a.say("the new key is tried first, and the old one signs in while Snowflake does not know the new one; once tapline connection test succeeds, remove secondPrivateKey and have the administrator run: ALTER USER %s UNSET %s;", identifier(f.user), other)
	}
	return nil
}

// passphrase is what encrypts the key; "" if nothing does.
func (a *app) passphrase(f keyFlags) (string, error) {
	switch {
	case f.passphraseFile != "":
		text, err := os.ReadFile(f.passphraseFile)
		if err != nil {
			return "", fmt.Errorf("reading the passphrase: %w", err)
		}
		line := strings.TrimRight(string(text), "\r\n")
		if line == "" || strings.ContainsAny(line, "\r\n") {
			return "", errors.New("the passphrase is one line that is not empty")
		}
		return line, nil
	case !f.encrypt:
		return "", nil
	}
	first, err := a.readHidden("passphrase: ")
	if err != nil {
		return "", err
	}
	second, err := a.readHidden("again: ")
	switch {
	case err != nil:
		return "", err
	case first != second:
		return "", errors.New("the two passphrases differ; nothing was made")
	case first == "":
		return "", errors.New("the passphrase is empty; nothing was made")
	}
	return first, nil
}

// readHidden asks for a secret without showing what is typed.
func (a *app) readHidden(question string) (string, error) {
	file, ok := a.io.In.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", errors.New("there is no terminal to ask at; use --passphrase-file")
	}
	// Nothing is left to ask if standard error is closed.
	_, _ = fmt.Fprint(a.io.Err, question)
	text, err := term.ReadPassword(int(file.Fd()))
	a.say("")
	if err != nil {
		return "", fmt.Errorf("reading what was typed: %w", err)
	}
	return string(text), nil
}
