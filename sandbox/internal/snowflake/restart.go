package snowflake

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Snowflake keeps a result for a day, whatever becomes of who asked for it. The sandbox
// does so over a restart too: at a clean end it writes the Arrow results that are still
// fetchable beside its database, and finds them again at the next start.

// storedFor is how long Snowflake keeps a result.
const storedFor = 24 * time.Hour

// storedQuery is a finished statement on disk.
type storedQuery struct {
	ID, RequestID, Text, Tag, Warehouse, Role, Database, Schema string
	Started, Finished                                           time.Time
	SessionID, Total                                            int64
	Columns                                                     []column
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

// store writes the fetchable results. Nothing runs any more when it is called.
func (s *Server) store() error {
	if s.cfg.DatabaseFile == "" {
		return nil
	}
	var stored []storedQuery
	for _, q := range s.order {
		if q.result != nil && q.result.arrow && !q.lost && time.Since(q.finished) < storedFor {
			stored = append(stored, toStored(q))
		}
	}
	temp := s.storeFile() + ".new"
	file, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("storing results: %w", err)
	}
	err = errors.Join(gob.NewEncoder(file).Encode(stored), file.Close())
	if err == nil {
		err = os.Rename(temp, s.storeFile())
	}
	if err != nil {
		return fmt.Errorf("storing results: %w", err)
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
			q := k.query(s)
			s.queries[q.id] = q
			s.order = append(s.order, q)
		}
	}
	return nil
}

func toStored(q *query) storedQuery {
	k := storedQuery{
		ID: q.id, RequestID: q.requestID, Text: q.text, Tag: q.tag, Started: q.started, Finished: q.finished,
		SessionID: q.session.id,
		Columns:   q.result.columns, Statement: q.result.statement, Binds: q.result.binds, Total: q.result.total,
		Inline: q.result.inline, Database: q.result.database, Schema: q.result.schema,
		Warehouse: q.result.warehouse, Role: q.result.role,
	}
	for _, c := range q.result.chunks {
		k.Chunks = append(k.Chunks, storedChunk{c.gzip, c.rows, c.uncompressed})
	}
	return k
}

// query is a finished statement of a session that has ended.
func (k storedQuery) query(s *Server) *query {
	q := &query{
		id: k.ID, requestID: k.RequestID, text: k.Text, tag: k.Tag, started: k.Started, finished: k.Finished,
		session: &session{id: k.SessionID, server: s, params: map[string]any{}},
		done:    make(chan struct{}), cancel: func() {},
		result: &result{
			columns: k.Columns, statement: k.Statement, binds: k.Binds, arrow: true, total: k.Total, inline: k.Inline,
			database: k.Database, schema: k.Schema, warehouse: k.Warehouse, role: k.Role,
		},
	}
	for _, c := range k.Chunks {
		q.result.chunks = append(q.result.chunks, chunk{gzip: c.Gzip, rows: c.Rows, uncompressed: c.Uncompressed})
	}
	close(q.done)
	return q
}
