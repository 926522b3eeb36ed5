package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Applied reads what the sandbox CleverTap has applied so far, record by record in
// the order in which it applied them, with the time of each, from the file in which it
// keeps it.
func (c *Cluster) Applied(t testing.TB, each func(record json.RawMessage, at time.Time)) {
	t.Helper()
	file, err := os.Open(filepath.Join(c.Dir, "data", "clevertap.journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	for {
		head, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		var nanos int64
		var size int
		if err == nil {
			_, err = fmt.Sscanf(head, "%d %d\n", &nanos, &size)
		}
		if err != nil {
			t.Fatalf("reading the sandbox's journal: %v", err)
		}
		body := make([]byte, size+1) // and its newline
		if _, err := io.ReadFull(in, body); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return // it is being written
		} else if err != nil {
			t.Fatalf("reading the sandbox's journal: %v", err)
		}
		var upload struct {
			D []json.RawMessage `json:"d"`
		}
		if err := json.Unmarshal(body, &upload); err != nil {
			t.Fatalf("reading the sandbox's journal: %v", err)
		}
		for _, record := range upload.D {
			each(record, time.Unix(0, nanos))
		}
	}
}
