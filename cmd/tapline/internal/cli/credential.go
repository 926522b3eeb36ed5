package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"tapline.dev/libs/config"
)

// Variables that hold the key or token, or name the file that it stands in.
const (
	tokenEnv     = "TAPLINE_TOKEN"
	tokenFileEnv = "TAPLINE_TOKEN_FILE"
)

// credential returns what the commands sign in with. The first of these counts: the
// flag, the variable, the file, the key of the chosen context if it is for the
// server, what tapline login has stored for it. Without any there is no error, because some
// servers ask for none.
func (a *app) credential(ctx context.Context) (string, error) {
	if a.token != "" {
		return a.token, nil
	}
	if token, ok := config.LookupEnv(tokenEnv); ok && token != "" {
		return strings.TrimSpace(token), nil
	}
	if path, ok := config.LookupEnv(tokenFileEnv); ok && path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("reading the key that %s names: %w", tokenFileEnv, err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	if a.chosen.Token != "" && a.server == a.chosen.Server {
		return a.chosen.Token, nil // it is for that server, and is sent to no other
	}
	return a.loggedIn(ctx)
}
