package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/libs/config"
	"tapline.dev/libs/nearest"
)

// contexts holds servers and the keys to sign in there, by name. Because the file holds
// keys, only its owner may read it.
type contexts struct {
	Current  string                   `json:"current,omitempty"`
	Contexts map[string]serverContext `json:"contexts"`
}

type serverContext struct {
	Server string `json:"server"`
	Token  string `json:"token,omitempty"`
	// Values is the file with what ${vars.NAME} stands for.
	Values string `json:"values,omitempty"`
}

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Name servers and their keys, and choose among them",
		Long: `Name servers and their keys, and choose among them. They are stored in
tapline/contexts.json in your configuration directory; only you may read that file.
--server and --token, and their environment variables, take precedence over the
chosen context.`,
	}
	cmd.AddCommand(a.configSet(), a.configList(),
		a.contextVerb("use", "Choose the context that commands use", func(all *contexts, name string) { all.Current = name }),
		a.contextVerb("delete", "Delete a context and its key", func(all *contexts, name string) {
			delete(all.Contexts, name)
			if all.Current == name {
				all.Current = ""
			}
		}))
	return cmd
}

func (a *app) configSet() *cobra.Command {
	var withKey bool
	var values string
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Name a server, given by --server; the first one is chosen at once", Args: cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVar(&withKey, "key", false, "store a key too: it is read from standard input; at a terminal you are asked for it and it is not shown")
	cmd.Flags().StringVar(&values, "values", "", "the file with what ${vars.NAME} stands for in definitions that are applied there")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := client.New(a.server, ""); err != nil {
			return err
		}
		if !cmd.Flags().Changed("server") {
			return errors.New("name the server with --server")
		}
		made := serverContext{Server: a.server}
		if values != "" {
			path, err := filepath.Abs(values)
			if err != nil {
				return fmt.Errorf("finding %s: %w", values, err)
			}
			made.Values = path
		}
		if withKey {
			var err error
			if made.Token, err = a.keyValue(); err != nil {
				return err
			}
		}
		all, err := readContexts()
		if err != nil {
			return err
		}
		all.Contexts[args[0]] = made
		if all.Current == "" {
			all.Current = args[0]
		}
		if err := all.write(); err != nil {
			return err
		}
		a.say("%s is stored; tapline config use %s chooses it", args[0], args[0])
		return nil
	}
	return cmd
}

// keyValue reads a key without showing it.
func (a *app) keyValue() (string, error) {
	if file, ok := a.io.In.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return a.readHidden("key: ")
	}
	text, err := io.ReadAll(io.LimitReader(a.io.In, 16<<10))
	key := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the key from standard input: %w", err)
	case key == "" || strings.ContainsAny(key, "\r\n"):
		return "", errors.New("the key must be one line and not empty")
	}
	return key, nil
}

func (a *app) configList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the contexts; a star marks the chosen one", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := readContexts()
			if err != nil {
				return err
			}
			var rows [][]string
			for _, name := range slices.Sorted(maps.Keys(all.Contexts)) {
				chosen, key := "", "no"
				if name == all.Current {
					chosen = "*"
				}
				if all.Contexts[name].Token != "" {
					key = "kept"
				}
				rows = append(rows, []string{orDash(chosen), name, all.Contexts[name].Server, key})
			}
			return printTable(a.io.Out, []string{"CHOSEN", "CONTEXT", "SERVER", "KEY"}, rows)
		},
	}
}

func (a *app) contextVerb(verb, short string, change func(*contexts, string)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := readContexts()
			if err != nil {
				return err
			}
			if _, ok := all.Contexts[args[0]]; !ok {
				return fmt.Errorf("there is no context named %s%s; tapline config list shows all contexts", args[0], nearest.Question(args[0], maps.Keys(all.Contexts)))
			}
			change(&all, args[0])
			return all.write()
		},
	}
}

// usualServer returns the default of --server: the environment variable's, otherwise the
// chosen context's, otherwise that of tapline dev.
func (a *app) usualServer() string {
	if server, ok := config.LookupEnv(serverEnv); ok && server != "" {
		return server
	}
	all, err := readContexts()
	a.chosen, a.chosenErr = all.Contexts[all.Current], err
	return cmp.Or(a.chosen.Server, defaultServer)
}

func contextsPath() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the file of the contexts: %w", err)
	}
	return filepath.Join(dir, "tapline", "contexts.json"), nil
}

// readContexts reads the stored contexts. There are none if the file does not exist.
func readContexts() (contexts, error) {
	all := contexts{}
	path, err := contextsPath()
	if err == nil {
		var text []byte
		text, err = os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = nil
		case err == nil:
			err = json.Unmarshal(text, &all)
		}
		if err != nil {
			return all, fmt.Errorf("reading the contexts in %s: %w", path, err)
		}
	}
	if all.Contexts == nil {
		all.Contexts = map[string]serverContext{}
	}
	return all, nil
}

func (c contexts) write() error {
	path, err := contextsPath()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return fmt.Errorf("storing the contexts: %w", err)
	}
	return writeKeyFile(path, string(text))
}
