package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// References bound what secret references in definitions may point to. Definitions
// come from whoever may apply them, so that an unbounded reference would let them
// read every file and variable of the service. A service's own configuration is
// its operator's and is not bounded by them.
type References struct {
	// Directories are those under which ref+file:// may read.
	Directories []string
	// EnvPrefixes begin the names of the variables that ref+env:// may read.
	EnvPrefixes []string
}

// DefaultReferences are where deployments put secrets.
func DefaultReferences() References {
	return References{
		Directories: []string{"/run/secrets", "/etc/tapline/secrets"},
		EnvPrefixes: []string{"SNOWFLAKE_", "CLEVERTAP_", "CT_", "TAPLINE_SECRET_"},
	}
}

// Validate refuses a directory or a prefix that would allow everything, such as
// the root directory.
func (r References) Validate() error {
	var errs []error
	for _, dir := range r.Directories {
		if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
			errs = append(errs, Bad("directories", "%q must be an absolute path below the root", dir))
		}
	}
	if slices.Contains(r.EnvPrefixes, "") {
		errs = append(errs, Bad("envPrefixes", "must not hold an empty prefix: it would allow every variable"))
	}
	return errors.Join(errs...)
}

// maxSecret is far more than a private key takes.
const maxSecret = 64 << 10

// ErrRefused is the only error for a reference that is refused or that leads to
// nothing. Different errors would tell the author of a definition which files
// and variables exist.
var ErrRefused = errors.New("the secret is not there, or may not be read: a reference names a variable with an allowed prefix, " +
	"or a regular file of at most 64 KiB in an allowed directory (secrets.envPrefixes and secrets.directories of the service that reads it)")

// ErrLineBreak says that a secret of one line has several.
var ErrLineBreak = errors.New("the secret has a line break inside; store the value alone, in one line")

// Line returns a secret of one line, such as a password. A line break at its end is
// cut off: files and shells put it there.
func (r References) Line(ref string) (Secret, error) {
	secret, err := r.Text(ref)
	if err != nil {
		return "", err
	}
	line := strings.TrimRight(secret.Reveal(), "\r\n")
	if line == "" {
		return "", ErrRefused
	}
	if strings.ContainsAny(line, "\r\n") {
		return "", ErrLineBreak
	}
	return Secret(line), nil
}

// Text returns a secret of several lines, such as a private key, as it is
// stored. It reads the secret anew at each call, so that a rotated secret takes
// effect at once.
func (r References) Text(ref string) (Secret, error) {
	if err := CheckReference(ref); err != nil {
		return "", err
	}
	var text string
	if name, ok := strings.CutPrefix(ref, envScheme); ok {
		if !slices.ContainsFunc(r.EnvPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return "", ErrRefused
		}
		text, _ = LookupEnv(name)
	} else {
		var err error
		if text, err = r.file(strings.TrimPrefix(ref, fileScheme)); err != nil {
			return "", ErrRefused // without the reason, which would tell whether the file exists
		}
	}
	if text == "" || len(text) > maxSecret {
		return "", ErrRefused
	}
	return Secret(text), nil
}

// file reads a file of an allowed directory. It follows symbolic links that stay
// in the directory, as mounted secrets need. It refuses everything but a regular
// file and never blocks on one, such as a pipe.
func (r References) file(path string) (string, error) {
	for _, dir := range r.Directories {
		name, err := filepath.Rel(dir, filepath.Clean(path))
		if err != nil || !filepath.IsLocal(name) {
			continue
		}
		return fileIn(dir, name)
	}
	return "", fs.ErrPermission
}

func fileIn(dir, name string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }() // nothing was written, so an error loses nothing
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // nothing was written, so an error loses nothing
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", name)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	return string(text), err
}
