package wire

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/sftype"
)

// Snowflake keeps a result for a day, also if its session ends. The sandbox keeps results
// over a restart too: at a clean end it writes the Arrow results that can still be fetched
// to a file beside its database, and reads them at the next start.

// storedFor is how long Snowflake keeps a result.
const storedFor = 24 * time.Hour

// storedQuery is a finished statement on disk.
type storedQuery struct {
	ID, RequestID, Text, Tag, Warehouse, Role, Database, Schema string
	Started, Finished                                           time.Time
	SessionID, Total                                            int64
	Columns                                                     []sftype.Column
	Statement, Binds                                            int
	Inline                                                      []byte
	Chunks                                                      []storedChunk
}

type storedChunk struct {
	Gzip               []byte
	Rows, Uncompressed int
}

func (s *Server) storeFile() string {
	dir, name := filepath.Split(s.cfg.DatabaseFile)
	return filepath.Join(dir, "results-of-"+name)
}

// store writes the results that can still be fetched. No statement may run any more.
func (s *Server) store() error {
	if s.cfg.DatabaseFile == "" {
		return nil
	}
	var stored []storedQuery
	for _, q := range s.order {
		if q.result != nil && q.result.Arrow && !q.lost && time.Since(q.finished) < storedFor {
			stored = append(stored, toStored(q))
		}
	}
	temp := s.storeFile() + ".new"
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(gob.NewEncoder(file).Encode(stored), file.Close())
	if err == nil {
		err = os.Rename(temp, s.storeFile())
	}
	if err != nil {
		return err
	}
	return nil
}

// restore reads what an earlier server stored.
func (s *Server) restore() error {
	if s.cfg.DatabaseFile == "" {
		return nil
	}
	file, err := os.Open(s.storeFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restoring results: %w", err)
	}
	var stored []storedQuery
	err = errors.Join(gob.NewDecoder(file).Decode(&stored), file.Close())
	if err != nil {
		return fmt.Errorf("restoring results in %s: %w", s.storeFile(), err)
	}
	for _, k := range stored {
		if time.Since(k.Finished) < storedFor {
			q := k.query()
			s.queries[q.id] = q
			s.order = append(s.order, q)
		}
	}
	return nil
}

func toStored(q *query) storedQuery {
	k := storedQuery{
		ID: q.id, RequestID: q.requestID, Text: q.text, Tag: q.tag, Started: q.started, Finished: q.finished,
		SessionID: q.login.id,
		Columns:   q.result.Columns, Statement: q.result.Statement, Binds: q.result.Binds, Total: q.result.Total,
		Inline: q.result.Inline, Database: q.result.Database, Schema: q.result.Schema,
		Warehouse: q.result.Warehouse, Role: q.result.Role,
	}
	for _, c := range q.result.Chunks {
		k.Chunks = append(k.Chunks, storedChunk{c.Gzip, c.Rows, c.Uncompressed})
	}
	return k
}

// query returns a finished statement of a session that has ended.
func (k storedQuery) query() *query {
	q := &query{
		id: k.ID, requestID: k.RequestID, text: k.Text, tag: k.Tag, started: k.Started, finished: k.Finished,
		login: &login{id: k.SessionID},
		done:  make(chan struct{}), cancel: func() {},
		result: &resultset.Result{
			Columns: k.Columns, Statement: k.Statement, Binds: k.Binds, Arrow: true, Total: k.Total, Inline: k.Inline,
			Database: k.Database, Schema: k.Schema, Warehouse: k.Warehouse, Role: k.Role,
		},
	}
	for _, c := range k.Chunks {
		q.result.Chunks = append(q.result.Chunks, resultset.Chunk{Gzip: c.Gzip, Rows: c.Rows, Uncompressed: c.Uncompressed})
	}
	close(q.done)
	return q
}
