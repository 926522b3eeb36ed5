package embedded

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// entry is a key on disk.
type entry struct {
	Key, Kind, Text string
	Hash            map[string]string
	Set, List       []string
	Scores          map[string]float64
	Ends            time.Time // zero for a key that does not expire
}

// StartKept is Start with a file that carries the keys from one clean end to the
// next start. The file is removed once it has been read, so that after a crash
// the server is empty, like a Redis that has lost its data. An older state would
// be worse than none, because it looks complete: a reader that trusts it would
// miss what was written later.
func StartKept(addr, file string) (*Server, error) {
	entries, err := readEntries(file)
	if err != nil {
		return nil, err
	}
	s, err := Start(addr)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, e := range entries {
		if err := e.restore(s.mini, now); err != nil {
			s.Close()
			return nil, fmt.Errorf("restoring Redis from %s: %w", file, err)
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Close()
		return nil, fmt.Errorf("removing what Redis was restored from: %w", err)
	}
	s.file = file
	return s, nil
}

// Keep ends the server and its connections and writes its keys, if it was started with a
// file.
func (s *Server) Keep() error {
	s.Close() // from here on no client can change a key
	if s.file == "" {
		return nil
	}
	entries, err := entriesOf(s.mini, time.Now())
	if err != nil {
		return err
	}
	return writeEntries(s.file, entries)
}

func readEntries(file string) (entries []entry, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening what Redis held: %w", err)
	}
	err = errors.Join(gob.NewDecoder(f).Decode(&entries), f.Close())
	if err != nil {
		return nil, fmt.Errorf("reading what Redis held: %w; delete %s to start with an empty one", err, file)
	}
	return entries, nil
}

// writeEntries replaces the file atomically: a crash leaves either no file or a
// complete one.
func writeEntries(file string, entries []entry) error {
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".new-*")
	if err != nil {
		return fmt.Errorf("keeping what Redis holds: %w", err)
	}
	err = errors.Join(gob.NewEncoder(temp).Encode(entries), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping what Redis holds: %w", err), os.Remove(temp.Name()))
	}
	return nil
}

func entriesOf(m *miniredis.Miniredis, now time.Time) ([]entry, error) {
	var out []entry
	for _, key := range m.Keys() {
		e := entry{Key: key, Kind: m.Type(key)}
		if ttl := m.TTL(key); ttl > 0 {
			e.Ends = now.Add(ttl)
		}
		var err error
		switch e.Kind {
		case "string":
			e.Text, err = m.Get(key)
		case "hash":
			var fields []string
			fields, err = m.HKeys(key)
			e.Hash = make(map[string]string, len(fields))
			for _, f := range fields {
				e.Hash[f] = m.HGet(key, f)
			}
		case "set":
			e.Set, err = m.Members(key)
		case "list":
			e.List, err = m.List(key)
		case "zset":
			e.Scores, err = m.SortedSet(key)
		default:
			err = fmt.Errorf("a key is a %s, which the embedded Redis cannot keep", e.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the keys of Redis: %w", err)
		}
		out = append(out, e)
	}
	return out, nil
}

func (e entry) restore(m *miniredis.Miniredis, now time.Time) error {
	if !e.Ends.IsZero() && !e.Ends.After(now) {
		return nil
	}
	var err error
	switch e.Kind {
	case "string":
		err = m.Set(e.Key, e.Text)
	case "hash":
		for field, value := range e.Hash {
			m.HSet(e.Key, field, value)
		}
	case "set":
		_, err = m.SAdd(e.Key, e.Set...)
	case "list":
		_, err = m.Push(e.Key, e.List...)
	case "zset":
		for member, score := range e.Scores {
			if _, err := m.ZAdd(e.Key, score, member); err != nil {
				return err
			}
		}
	}
	if err == nil && !e.Ends.IsZero() {
		m.SetTTL(e.Key, e.Ends.Sub(now))
	}
	return err
}
