package records

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/clevertap/rules"
)

// journal keeps every applied record on disk, upload by upload in the order in which
// they were applied, so that a sandbox that starts again holds what it held: a real
// CleverTap does not forget either. A nil journal keeps nothing. Safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
	err  error // the first one; later writes are pointless
}

// Restore applies what the journal at path holds and goes on writing to it. It is
// called before the first request.
func (s *Store) Restore(path string, d *rules.Decoder) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening the journal: %w", err)
	}
	end, err := s.replay(bufio.NewReaderSize(file, 1<<20), d)
	if err == nil {
		// What follows the last whole upload was cut off by a kill.
		err = file.Truncate(end)
	}
	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("reading the journal: %w", err), file.Close())
	}
	s.journal = &journal{file: file, out: bufio.NewWriterSize(file, 1<<20)}
	return nil
}

// replay returns the offset behind the last whole upload.
func (s *Store) replay(in *bufio.Reader, d *rules.Decoder) (end int64, err error) {
	for {
		head, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return end, err
		}
		var nanos int64
		var size int
		if _, err := fmt.Sscanf(head, "%d %d\n", &nanos, &size); err != nil || size < 0 {
			return end, fmt.Errorf("no upload begins at byte %d", end)
		}
		body := make([]byte, size+1) // and its newline
		if _, err := io.ReadFull(in, body); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return end, nil
		} else if err != nil {
			return end, err
		}
		if err := d.Decode(body[:size]); err != nil {
			return end, fmt.Errorf("the upload at byte %d: %w", end, err)
		}
		s.Apply(d.Records, d.Notices, time.Unix(0, nanos))
		end += int64(len(head) + len(body))
	}
}

// CloseJournal writes what is pending. Without a journal it does nothing.
func (s *Store) CloseJournal() error {
	s.mu.Lock()
	j := s.journal
	s.journal = nil
	s.mu.Unlock()
	return j.close()
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := errors.Join(j.err, j.out.Flush(), j.file.Close()); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// write adds the accepted records of an upload.
func (j *journal) write(records []rules.Record, now time.Time) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return
	}
	size, n := len(`{"d":[]}`), 0
	for i := range records {
		if records[i].Code == 0 {
			size += len(records[i].Raw) + 1
			n++
		}
	}
	if n == 0 {
		return
	}
	// The records are separated by n-1 commas.
	if _, j.err = fmt.Fprintf(j.out, "%d %d\n{\"d\":[", now.UnixNano(), size-1); j.err != nil {
		return
	}
	for i := range records {
		if records[i].Code != 0 {
			continue
		}
		if n--; n > 0 {
			_, j.err = j.out.Write(append(records[i].Raw[:len(records[i].Raw):len(records[i].Raw)], ','))
		} else {
			_, j.err = j.out.Write(records[i].Raw)
		}
		if j.err != nil {
			return
		}
	}
	if _, j.err = j.out.WriteString("]}\n"); j.err == nil {
		// Whole uploads only are kept, whatever kills the sandbox.
		j.err = j.out.Flush()
	}
}

// clear forgets what was written.
func (j *journal) clear() {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return
	}
	j.out.Reset(j.file)
	if j.err = j.file.Truncate(0); j.err == nil {
		_, j.err = j.file.Seek(0, io.SeekStart)
	}
}
