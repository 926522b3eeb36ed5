package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tapline.dev/cmd/tapline/internal/scaffold"
	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// initFlags say what to begin with.
type initFlags struct {
	snowflake, region      string
	user, role, warehouse  string
	reads                  []string
	table, queryFile       string
	connection, account    string
	name, kind, event      string
	identity, cursor, zone string
	directory, out         string
	key                    keyFlags
}

// initiated is what init has made. It contains no secret.
type initiated struct {
	Files          []string `json:"files"`
	PrivateKeyFile string   `json:"privateKeyFile,omitempty"`
	Fingerprint    string   `json:"fingerprint,omitempty"`
	SQL            string   `json:"sql,omitempty"`
	Next           []string `json:"next"`
}

func (a *app) initCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write first definitions, make the key pair, print the grants for Snowflake",
		Long: `Begin with a real Snowflake and a real CleverTap account, in two steps.

With --snowflake-account, or asked for it at a terminal: write the definitions of
the connection and the account, make a key pair, and print the SQL that
Snowflake's administrator runs. Nothing is sent anywhere.

With --table or --query-file alone: have an applied connection describe it, and
write an import whose mapping is suggested from its columns, each with a reason.

No file that is there already is overwritten.`,
		Args: cobra.NoArgs,
	}
	a.outputFlag(cmd)
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := a.askInit(&f); err != nil {
			return err
		}
		if f.snowflake != "" {
			made, err := a.initAccess(&f)
			return a.printFetched(made, err, func() error { return a.showInitiated(made) })
		}
		c, err := a.client(cmd.Context())
		if err != nil {
			return err
		}
		made, err := a.initImport(cmd.Context(), c, &f)
		return a.printFetched(made, err, func() error { return a.showInitiated(made) })
	}
	return cmd
}

func (f *initFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.snowflake, "snowflake-account", "", "the Snowflake account, such as acme-eu1, with PrivateLink acme-eu1.privatelink")
	flags.StringVar(&f.region, "region", "", "CleverTap's region, as in the dashboard's address, such as eu1")
	flags.StringVar(&f.table, "table", "", "the table that is imported, such as SHOP.PUBLIC.CUSTOMERS")
	flags.StringVar(&f.queryFile, "query-file", "", "a file with the query that is imported")
	flags.StringArrayVar(&f.reads, "reads", nil, "a table that the query reads, view:NAME for a view; may be given again")
	flags.StringVar(&f.user, "user", "TAPLINE", "the user to be made in Snowflake")
	flags.StringVar(&f.role, "role", "TAPLINE_READER", "its role")
	flags.StringVar(&f.warehouse, "warehouse", "TAPLINE_WH", "its warehouse")
	flags.StringVar(&f.connection, "connection", "warehouse", "what the connection is called here")
	flags.StringVar(&f.account, "account", "clevertap", "what the CleverTap account is called here")
	flags.StringVar(&f.name, "name", "", "what the import is called (default: as the table)")
	flags.StringVar(&f.kind, "type", schemas.TypeProfile, "profile or event")
	flags.StringVar(&f.event, "event", "", "the event's name, with --type event (default: as the table)")
	flags.StringVar(&f.identity, "identity", "", "the column with the identity (default: suggested)")
	flags.StringVar(&f.cursor, "cursor", "", "the column that says when a row was changed (default: suggested)")
	flags.StringVar(&f.zone, "timezone", "UTC", "the import's time zone")
	flags.StringVar(&f.out, "dir", ".", "the folder for the files")
	flags.StringVar(&f.directory, "secrets-directory", "/run/secrets", "the folder in which the services will find the secrets")
	flags.BoolVar(&f.key.encrypt, "encrypt", false, "encrypt the private key with a passphrase, which is asked for")
	flags.StringVar(&f.key.passphraseFile, "passphrase-file", "", "encrypt it with the passphrase in this file")
	checkFirst(cmd, func([]string) error {
		switch {
		case f.table != "" && f.queryFile != "":
			return errors.New("give one of --table and --query-file")
		case f.kind != schemas.TypeProfile && f.kind != schemas.TypeEvent:
			return fmt.Errorf("--type is profile or event, not %q", f.kind)
		case !filepath.IsAbs(f.directory):
			return errors.New("--secrets-directory is an absolute path, such as /run/secrets")
		}
		return nil
	})
}

// askInit asks for what no flag says, if there is a terminal.
func (a *app) askInit(f *initFlags) error {
	if f.table != "" && f.snowflake == "" || f.queryFile != "" && f.snowflake == "" {
		return nil // an import of an applied connection
	}
	file, ok := a.io.In.(*os.File)
	terminal := ok && term.IsTerminal(int(file.Fd()))
	answers := bufio.NewReader(a.io.In)
	for _, q := range []struct {
		value          *string
		flag, question string
	}{
		{&f.snowflake, "--snowflake-account", "Snowflake account (ORGANIZATION-ACCOUNT): "},
		{&f.region, "--region", "CleverTap region (as in the dashboard's address, such as eu1): "},
		{&f.table, "--table", "table to import (DATABASE.SCHEMA.TABLE): "},
	} {
		if *q.value != "" || q.flag == "--table" && (f.queryFile != "" || len(f.reads) > 0) {
			continue
		}
		if !terminal {
			return fmt.Errorf("there is no terminal to ask at; give %s", q.flag)
		}
		// Nothing is left to ask if standard error is closed.
		_, _ = fmt.Fprint(a.io.Err, q.question)
		line, err := answers.ReadString('\n')
		if err != nil {
			return fmt.Errorf("reading what was typed: %w", err)
		}
		*q.value = strings.TrimSpace(line)
	}
	return nil
}

// initAccess makes the key pair, the definitions of connection and account, and the SQL.
func (a *app) initAccess(f *initFlags) (made initiated, err error) {
	r, access, err := f.access()
	if err != nil {
		return made, err
	}
	passphrase, err := a.passphrase(f.key)
	if err != nil {
		return made, err
	}
	if passphrase != "" {
		r.Passphrase = "ref+file://" + filepath.Join(f.directory, "tapline_key_passphrase")
	}
	path := filepath.Join(f.out, "resources.yaml")
	text := r.File()
	if err := valid(path, text); err != nil {
		return made, err
	}
	if _, err := os.Stat(path); err == nil {
		return made, fmt.Errorf("%s is there already; name another folder with --dir", path)
	}
	f.key.user, f.key.out, f.key.directory = f.user, filepath.Join(f.out, "tapline_key.p8"), f.directory
	if err := f.key.settle(); err != nil {
		return made, err
	}
	f.key.bits = cmp.Or(f.key.bits, 2048)
	key, err := f.key.make(passphrase)
	if err != nil {
		return made, err
	}
	if err := writeNew(path, text); err != nil {
		return made, err
	}
	access.PublicKey = key.PublicKey
	made = initiated{Files: []string{path}, PrivateKeyFile: key.PrivateKeyFile, Fingerprint: key.Fingerprint, SQL: access.SQL(), Next: []string{
		"give the SQL above to Snowflake's administrator",
		fmt.Sprintf("store %s as %s, and CleverTap's account id and passcode as %s and %s; keep no other copy of the key",
			key.PrivateKeyFile, strings.TrimPrefix(r.PrivateKey, "ref+file://"), strings.TrimPrefix(r.AccountID, "ref+file://"), strings.TrimPrefix(r.Passcode, "ref+file://")),
		"tapline apply -f " + path,
		"tapline connection test " + f.connection,
		"tapline account test " + f.account,
	}}
	if passphrase != "" {
		made.Next[1] += "; the passphrase as " + strings.TrimPrefix(r.Passphrase, "ref+file://")
	}
	switch {
	case f.queryFile != "":
		made.Next = append(made.Next, "tapline init --query-file "+f.queryFile)
	case f.table != "":
		made.Next = append(made.Next, "tapline init --table '"+f.table+"'")
	}
	return made, nil
}

// access reads the names that the flags give.
func (f *initFlags) access() (r scaffold.Resources, access scaffold.Access, err error) {
	for _, n := range []struct {
		name string
		into *scaffold.Name
	}{{f.user, &access.User}, {f.role, &access.Role}, {f.warehouse, &access.Warehouse}} {
		if *n.into, err = scaffold.ParseName(n.name, 1); err != nil {
			return r, access, err
		}
	}
	reads := f.reads
	if f.table != "" {
		reads = append([]string{f.table}, reads...)
	}
	for _, text := range reads {
		text, view := strings.CutPrefix(text, "view:")
		name, err := scaffold.ParseName(text, 3)
		if err != nil {
			return r, access, err
		}
		if len(name) != 3 {
			return r, access, fmt.Errorf("%s: name the table with database and schema, such as SHOP.PUBLIC.CUSTOMERS", text)
		}
		access.Reads = append(access.Reads, scaffold.Object{Name: name, View: view})
	}
	if len(access.Reads) == 0 {
		return r, access, errors.New("name each table that the query reads with --reads, so that nothing else is granted")
	}
	in := func(name string) string { return "ref+file://" + filepath.Join(f.directory, name) }
	account := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(f.snowflake, "/"), "https://"), ".snowflakecomputing.com")
	return scaffold.Resources{
		Connection: f.connection, Account: f.account, Snowflake: account, User: access.User, Role: access.Role, Warehouse: access.Warehouse,
		Region: f.region, PrivateKey: in("tapline_key.p8"), AccountID: in("clevertap_account_id"), Passcode: in("clevertap_passcode"),
	}, access, nil
}

// valid refuses a text that validate would refuse: nothing else is written.
func valid(path, text string) error {
	set, problems := definition.ParseAll([]definition.Source{{Name: path, Data: []byte(text), ResolveFile: relativeTo(path)}}, definition.Options{})
	set.SettleExpressions(nil)
	problems = append(problems, set.CheckMappings(func(account string) mapping.Options { return accountOptions(&set, account) })...)
	if len(problems) > 0 {
		return refused(problems)
	}
	return nil
}

func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // it holds no secret, and others are to read it
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already", path)
	}
	if err != nil {
		return fmt.Errorf("writing a definition file: %w", err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing a definition file: %w", err)
	}
	return nil
}

func (a *app) showInitiated(made initiated) error {
	if _, err := fmt.Fprint(a.io.Out, made.SQL); err != nil {
		return err
	}
	for _, path := range made.Files {
		a.say("written: %s", path)
	}
	if made.PrivateKeyFile != "" {
		a.say("written: %s, the private key, for you alone (fingerprint %s)", made.PrivateKeyFile, made.Fingerprint)
	}
	a.say("next:")
	for i, step := range made.Next {
		a.say("  %d. %s", i+1, step)
	}
	return nil
}
