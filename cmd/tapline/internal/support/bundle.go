package support

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Bundle is a compressed archive under way. What cannot be had is noted in it and hides
// nothing else.
type Bundle struct {
	gzip   *gzip.Writer
	tar    *tar.Writer
	now    time.Time
	failed []string
}

// New begins a bundle.
func New(to io.Writer, now time.Time) *Bundle {
	z := gzip.NewWriter(to)
	return &Bundle{gzip: z, tar: tar.NewWriter(z), now: now}
}

// JSON adds a value, masked; err is why there is none.
func (b *Bundle) JSON(name string, value any, err error) error {
	if err != nil {
		// The error's text stays out: it may quote what a server said.
		b.failed = append(b.failed, name)
		return nil
	}
	masked, err := Mask(value)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(masked, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return b.Text(name, append(text, '\n'), nil)
}

// Text adds a text that holds nothing to be masked; err is why there is none.
func (b *Bundle) Text(name string, text []byte, err error) error {
	if err != nil {
		// The error's text stays out: it may quote what a server said.
		b.failed = append(b.failed, name)
		return nil
	}
	if err := b.tar.WriteHeader(&tar.Header{Name: "tapline-support/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: b.now}); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if _, err := b.tar.Write(text); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// Close ends the archive with a list of what is not in it, which it returns.
func (b *Bundle) Close() ([]string, error) {
	list := "everything is here\n"
	if len(b.failed) > 0 {
		list = strings.Join(b.failed, "\n") + "\n"
	}
	err := b.Text("missing.txt", []byte(list), nil)
	return b.failed, errors.Join(err, b.tar.Close(), b.gzip.Close())
}
