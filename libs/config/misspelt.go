package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tapline.dev/libs/nearest"
)

// otherVariables are those of the command line and of tests.
var otherVariables = []string{"SERVER", "TOKEN", "TOKEN_FILE", "FAILPOINTS", "MISTAKE", "VERSION"}

// ofNoKey matches variables that are never a misspelt key, however similar they are to
// one: secrets of connections and accounts, variables of tests, and those that Kubernetes
// sets for each service.
var ofNoKey = regexp.MustCompile(`^(SECRET_|TEST_)|_SERVICE_(HOST|PORT)(_|$)|(^|_)PORT($|_[0-9]+)`)

// Misspelt returns an error for each variable of an environment (NAME=value) that names
// none of the keys but is similar to one. A variable that is similar to no key is taken
// for another program's and ignored.
func Misspelt(environ, keys []string) error {
	known := map[string]bool{}
	for _, name := range otherVariables {
		known[name] = true
	}
	var names []string
	for _, key := range keys {
		name := strings.TrimPrefix(envName(key), EnvPrefix)
		known[name] = true
		names = append(names, name)
	}
	var errs []error
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		variable, _, _ := strings.Cut(pair, "=")
		name, ours := strings.CutPrefix(variable, EnvPrefix)
		if !ours || known[name] || ofNoKey.MatchString(name) {
			continue
		}
		if meant := nearest.Name(name, slices.Values(names)); meant != "" {
			errs = append(errs, fmt.Errorf("%s has no effect; did you mean %s%s?", variable, EnvPrefix, meant))
		}
	}
	return errors.Join(errs...)
}
