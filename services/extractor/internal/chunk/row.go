package chunk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/rowjson"
)

// row gives a row its outcome.
//
// Invariant 3: read = extracted + unchanged + stillRejected + future + rejected + skipped.
func (p *Preparer) row(c *Chunk, row *rowjson.Row) (keep bool, err error) {
	e := &p.counts
	e.Read++
	if cur := p.reader.Cursor; cur != nil && row.Unreadable == cur.Index {
		return false, p.rejectUnreadable(c, row) // without a cursor its version is unknown
	}
	if p.reader.Total > 0 {
		if e.Population, err = strconv.ParseInt(string(row.Value(p.reader.Total)), 10, 64); err != nil {
			return false, failure.Permanent(failure.CodeColumnType, "the number of rows behind the sample is no number")
		}
	}
	cursor, future, err := p.cursor(row)
	if err != nil {
		return false, err
	}
	if p.suppressed(row) {
		// Before the ledger, which must not know the row: once the person is released, the
		// next run that reads it sends it. Before the rejects, which would hold the row.
		if e.Skipped == nil {
			e.Skipped = map[string]int64{}
		}
		e.Skipped[schemas.SkipSuppressed]++
		return false, nil
	}
	var mark ledger.Fingerprint
	if p.prints || p.ledgers.Recorder != nil {
		mark = p.hasher.Of(readable(row), cursor)
		switch p.lookUpLedger(row, mark, cursor, future) {
		case loaded:
			e.Unchanged++
			return false, nil
		case rejected:
			e.StillRejected++
			return false, nil
		}
	}
	if future {
		e.Future++ // not sent and not remembered: a later run takes it
		return false, p.showFuture(c, row)
	}
	if row.Unreadable >= 0 {
		p.markRejected()
		return false, p.rejectUnreadable(c, row)
	}
	// The key repeats the identity.
	if size := len(row.JSON) + len(row.Value(p.reader.Identity)); size > p.cfg.MaxRow {
		if row.JSON = p.decoder.Without(row, p.cfg.MaxRow-len(row.Value(p.reader.Identity))); row.JSON == nil {
			p.markRejected()
			return false, p.reject(c, row, failure.CodeRowTooLarge, "", fmt.Sprintf("the columns that are mapped make a row of more than the %d bytes that a record may have", p.cfg.MaxRow))
		}
		p.extract(c, row, mark, cursor)
		p.noteSent(row, cursor)
		return false, nil // its JSON does not lie in the decoder's block
	}
	p.extract(c, row, mark, cursor)
	p.noteSent(row, cursor)
	return true, nil
}

// cursor reads the row's cursor, "" for a NULL, and moves the maximum.
func (p *Preparer) cursor(row *rowjson.Row) (cursor string, future bool, err error) {
	cur := p.reader.Cursor
	if cur == nil {
		return "", false, nil
	}
	if row.Null(cur.Index) {
		if cur.Nulls != "always" {
			return "", false, failure.Permanent(failure.CodeCursorNull, "%s is NULL in a row; set nulls: always or nulls: {coalesce: SQL}, or correct the table", cur.Column.Name)
		}
		p.counts.Nulls++
		return "", false, nil
	}
	if cursor, err = cur.Read(row.Value(cur.Index)); err != nil {
		return "", false, failure.Permanent(failure.CodeCursorInvalid, "%s", err)
	}
	if cursor > p.futureAfter {
		return cursor, true, nil
	}
	// Only a cursor that is not later than the clock moves the watermark, and none of a
	// trial does.
	if cursor <= p.clock && p.trial == nil {
		p.counts.Maximum = max(p.counts.Maximum, cursor)
	}
	return cursor, false, nil
}

// What the ledger of the run before says of a row.
const (
	unknown = iota
	loaded
	rejected // and not changed since: it would be rejected again
)

// lookUpLedger looks the row up in the ledger of the run before, and records it for the
// next run.
func (p *Preparer) lookUpLedger(row *rowjson.Row, f ledger.Fingerprint, cursor string, future bool) int {
	known := unknown
	switch {
	case p.ledgers.Previous.Take(f):
		if !p.olderSent(row) {
			known = loaded
		}
	case p.delivered(row, f, cursor):
		known = loaded
		p.counts.LeftOut++
	case p.ledgers.Previous.TakeRejected(f):
		known = rejected
	}
	// A row that the ledger knows stays in the ledger, even if its cursor is in the
	// future now: that happens when the clocks of a zone go back.
	if p.ledgers.Recorder != nil && (known != unknown || !future) {
		p.ledgers.Recorder.Add(f, cursor, p.counts.Read, known == rejected)
	}
	return known
}

// delivered reports whether an attempt without success has loaded the row, under
// this mapping or another one: CleverTap would store its event a second time.
func (p *Preparer) delivered(row *rowjson.Row, f ledger.Fingerprint, cursor string) bool {
	if p.ledgers.Previous.TakeDelivered(f) {
		return true
	}
	for _, other := range p.ledgers.Others {
		if other.Rows.Take(other.Hasher.Of(readable(row), cursor)) {
			return true
		}
	}
	return false
}

// markRejected notes that the row which was remembered last is rejected here.
func (p *Preparer) markRejected() {
	if p.ledgers.Recorder != nil {
		p.ledgers.Recorder.Reject()
	}
}

// readable gives the row's values, with a placeholder for the first one that has no
// text: such a row is rejected once, and then still rejected.
func readable(row *rowjson.Row) func(i int) []byte {
	if row.Unreadable < 0 {
		return row.Value
	}
	return func(i int) []byte {
		if i == row.Unreadable {
			return []byte("unreadable")
		}
		return row.Value(i)
	}
}

// noteSent notes that this run sends a version of an identity, as long as a newer one
// may follow that the ledger holds.
func (p *Preparer) noteSent(row *rowjson.Row, cursor string) {
	if p.sentIdentities != nil && cursor <= p.ledgers.Previous.Highest() {
		p.sentIdentities[p.identity(row)] = struct{}{}
		p.counts.SentBeforeLedger++
	}
}

// olderSent reports whether this run sends an older version of the row's identity.
// Then this one has to be sent too, though it was before.
//
// Invariant 4: of several rows of one identity the newest arrives last.
func (p *Preparer) olderSent(row *rowjson.Row) bool {
	if len(p.sentIdentities) == 0 {
		return false
	}
	_, ok := p.sentIdentities[p.identity(row)]
	return ok
}

// suppressed reports whether the row is of a person who must not be sent.
func (p *Preparer) suppressed(row *rowjson.Row) bool {
	if p.cfg.Suppressed == nil || row.Unreadable == p.reader.Identity {
		return false
	}
	p.scratch = mapping.IdentityKey(p.scratch[:0], row.Value(p.reader.Identity))
	return p.cfg.Suppressed.Has(p.scratch)
}

// identity is a hash of the row's identity. Two that collide cost a row sent
// again.
func (p *Preparer) identity(row *rowjson.Row) uint64 {
	p.scratch = mapping.IdentityKey(p.scratch[:0], row.Value(p.reader.Identity))
	return maphash.Bytes(p.seed, bytes.TrimSpace(p.scratch))
}

// extract adds the row's record: keyed by the identity as CleverTap will get it,
// in the partition that any Kafka client finds for that key. A trial's are keyed
// by the trial and lie in one partition.
func (p *Preparer) extract(c *Chunk, row *rowjson.Row, mark ledger.Fingerprint, cursor string) {
	key := c.take(func(b []byte) []byte { return mapping.IdentityKey(b, row.Value(p.reader.Identity)) })
	partition := Partition(key, len(p.counts.ByPartition))
	if p.trial != nil {
		key, partition = p.trial, p.trialPartition
	}
	id := c.take(p.id().Append)
	first := len(c.headers)
	c.headers = append(c.headers,
		kafka.Header{Key: schemas.HeaderID, Value: id},
		kafka.Header{Key: schemas.HeaderTraceparent, Value: c.Span.Header(telemetry.Chosen(p.counts.Read) || p.counts.ByPartition[partition] == 0)})
	if p.prints {
		c.headers = append(c.headers, kafka.Header{Key: schemas.HeaderFingerprint, Value: c.take(mark.AppendText)})
	}
	if p.cfg.ReplayOf != nil {
		if ref := p.cfg.ReplayOf(key); ref != nil {
			c.headers = append(c.headers, kafka.Header{Key: schemas.HeaderReplayOf, Value: []byte(ref.String())})
		}
	}
	if at := p.reader.Version; at > 0 && string(row.Value(at)) != "1" {
		c.headers = append(c.headers, kafka.Header{Key: schemas.HeaderOlder, Value: []byte("true")})
	}
	if cursor != "" && p.cfg.Attempt.Run.Verify != nil {
		c.headers = append(c.headers, kafka.Header{Key: schemas.HeaderChanged, Value: []byte(p.reader.UTC(cursor))})
	}
	end := len(c.headers)
	c.rows = append(c.rows, kafka.Record{
		Topic: p.topic, Partition: partition,
		Key: key, Value: row.JSON, Headers: c.headers[first:end:end],
	})
	p.counts.Extracted++
	p.counts.ByPartition[partition]++
	for _, at := range row.Placeholders {
		p.countPlaceholder(p.reader.Columns[at].Name)
	}
}

// maxPlaceholderColumns is the number of columns whose placeholders are counted by name.
const maxPlaceholderColumns = 20

// countPlaceholder counts a value that a placeholder replaces.
func (p *Preparer) countPlaceholder(column string) {
	if p.counts.Placeholders == nil {
		p.counts.Placeholders = map[string]int64{}
	}
	if _, known := p.counts.Placeholders[column]; !known && len(p.counts.Placeholders) >= maxPlaceholderColumns {
		column = schemas.PlaceholdersElsewhere
	}
	p.counts.Placeholders[cut(column)]++
}

// id returns the row's id. Its position in the result is the same for every reader.
func (p *Preparer) id() schemas.RowID {
	return schemas.RowID{Number: p.ids.Number, Attempt: p.ids.Attempt, Seq: p.counts.Read}
}

func (p *Preparer) rejectUnreadable(c *Chunk, row *rowjson.Row) error {
	column := p.reader.Columns[row.Unreadable].Name
	return p.reject(c, row, failure.CodeRowUnreadable, column, "the column's value has no exact text: it is not UTF-8, not JSON, or beyond the years 1 to 9999")
}

// maxText bounds what a reject quotes of names, in bytes.
const maxText = 1024

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}

// reject counts a row that Kafka cannot carry or that has no exact text. A
// reject that would be too large itself carries only its coordinates.
func (p *Preparer) reject(c *Chunk, row *rowjson.Row, code, column, reason string) error {
	if err := p.produceReject(c, row, code, column, reason, false); err != nil {
		return err
	}
	p.counts.Rejected++
	if p.counts.RejectsByCode == nil {
		p.counts.RejectsByCode = map[string]int64{}
	}
	p.counts.RejectsByCode[code]++
	return nil
}

// showFuture notes for whoever looks at a dry run that a run would leave the row for
// a later one.
func (p *Preparer) showFuture(c *Chunk, row *rowjson.Row) error {
	if p.trial == nil {
		return nil
	}
	return p.produceReject(c, row, failure.CodeCursorFuture, p.reader.Cursor.Column.Name,
		"the cursor is further ahead of the clock than source.cursor.future; a run leaves the row for a later one", true)
}

func (p *Preparer) produceReject(c *Chunk, row *rowjson.Row, code, column, reason string, omitted bool) error {
	a := &p.cfg.Attempt
	reject := schemas.Reject{
		Stage: schemas.StageExtract, Code: code, Class: schemas.ClassOf(code), Column: cut(column), Reason: cut(reason), Omitted: omitted,
		Import: a.Import, Run: a.Run.Run, Attempt: a.Run.Attempt, ID: p.id().String(),
		Partition: -1, Offset: -1, Time: time.Now().UTC(),
	}
	if p.trial == nil && row.Unreadable != p.reader.Identity {
		key := mapping.IdentityKey(nil, row.Value(p.reader.Identity))
		reject.Identity = schemas.RejectIdentity(key)
		if p.cfg.ReplayOf != nil {
			reject.ReplayOf = p.cfg.ReplayOf(key)
		}
	}
	if len(row.JSON) <= p.cfg.MaxRow/2 {
		reject.Row = json.RawMessage(slices.Clone(row.JSON))
	}
	rec, err := control.Reject(p.cfg.Topics.RejectsOf(a.Subject), reject, "extractor")
	if err != nil {
		// The error may quote the row.
		return failure.Permanent(failure.CodeResultUnreadable, "a row that is rejected as %s cannot be written as JSON", code)
	}
	c.rejects = append(c.rejects, rec)
	return nil
}
