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

// credential is what the commands sign in with, the nearest first: the flag, the
// variable, the file, what tapline login has kept for the server; none is no
// error, because not every server asks for one.
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
	return a.loggedIn(ctx)
}
