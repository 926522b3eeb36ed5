package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPut(t *testing.T) {
	t.Parallel()
	s := Store{Dir: filepath.Join(t.TempDir(), "store")}
	pem := "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"
	for _, c := range []struct{ use, value, want string }{
		{ForCleverTap, "passcode\n", "passcode"}, {ForCleverTap, "another", "another"}, {ForSnowflake, pem, pem},
	} {
		if err := s.Put(c.use, "main", c.value); err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(s.Reference(c.use, "main"), "ref+file://")
		text, err := os.ReadFile(path)
		if err != nil || string(text) != c.want {
			t.Errorf("%s holds %q, %v", path, text, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	for name, bad := range map[string]string{
		"nothing": "", "a blank line": "\n", "two lines": "a\nb", "a NUL": "a\x00b", "too much": strings.Repeat("x", MaxBytes+1),
	} {
		if err := s.Put(ForCleverTap, "main", bad); !errors.Is(err, ErrValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text, _ := os.ReadFile(filepath.Join(s.Dir, ForCleverTap, "main")); string(text) != "another" {
		t.Errorf("a refused value has changed the file: %q", text)
	}
	files, err := os.ReadDir(filepath.Join(s.Dir, ForCleverTap))
	if err != nil || len(files) != 1 {
		t.Errorf("files are left behind: %v, %v", files, err)
	}
}

// TestPutFails without a trace where the store cannot be written.
func TestPutFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ForCleverTap), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (Store{Dir: dir}).Put(ForCleverTap, "main", "hush-canary"); err == nil || strings.Contains(err.Error(), "hush-canary") {
		t.Errorf("Put = %v", err)
	}
	blocked := filepath.Join(dir, ForSnowflake, "main")
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := (Store{Dir: dir}).Put(ForSnowflake, "main", "hush-canary"); err == nil || strings.Contains(err.Error(), "hush-canary") {
		t.Errorf("Put over a folder = %v", err)
	}
	if files, _ := os.ReadDir(filepath.Join(dir, ForSnowflake)); len(files) != 1 {
		t.Errorf("files are left behind: %v", files)
	}
}
