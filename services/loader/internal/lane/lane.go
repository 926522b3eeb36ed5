// Package lane holds the records of one partition between Kafka and the
// uploads: it cuts them into batches, keeps the identities of batches in flight
// locked, and knows the contiguous prefix of finished batches.
//
// A Lane does no I/O and is not safe for concurrent use: one goroutine owns it.
package lane

import (
	"bytes"
	"hash/maphash"
	"slices"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/recovery"
)

// MaxOpen is how many batches may be past the committed prefix.
const MaxOpen = 64

// Item is a record that waits to be sent.
type Item struct {
	Record   *kafka.Record
	Prev     int64 // offset of the record before it in the partition
	ID       schemas.RowID
	KnownID  bool   // the id header could be read
	Identity uint64 // hash of the key; a collision only delays
}

// Limits bound a batch.
type Limits struct {
	Records int
	Bytes   int64
	Linger  time.Duration
	// MayFollow says whether a record may be in one batch with the older one of its
	// identity, given both values; nil is always. CleverTap may refuse the older one for a
	// moment and take the newer one of the same request.
	MayFollow func(older, newer []byte) bool
}

// Batch is a sequence of records of one run and attempt that have the same
// recovery.State.
type Batch struct {
	Items []Item
	State recovery.State
	// OpenUntil is until when a request of an earlier owner with these records may still
	// be applied; zero if none can be.
	OpenUntil time.Time
	// Times is how many requests of earlier owners may have applied the records.
	Times int
	// ReportsFloor is at or below the reports offset of whatever is written about the
	// batch; the owner sets it when it cuts.
	ReportsFloor int64

	first, last int64
	identities  []uint64 // locked until the batch is free
	finished    bool
	free        bool
}

// First is the batch's lowest offset.
func (b *Batch) First() int64 { return b.first }

// Last is the batch's highest offset.
func (b *Batch) Last() int64 { return b.last }

// Lane is one partition.
type Lane struct {
	shared bool  // holds records of several subjects, which the records' keys name
	next   int64 // Push leaves out lower offsets: the lane has had them
	prev   int64 // offset of the record before next
	queue  []Item
	head   int
	bytes  int64
	since  time.Time // when the present head became the head

	history     *recovery.History
	takenAt     time.Time // when the partition was taken over
	historyFrom int64     // the reports offset from which a successor reads the same history

	locks      map[uint64]int // how many batches lock an identity
	newest     map[uint64]int // measure's buffer: the newest record of each identity in the batch
	open       []*Batch       // in the order of offsets, not yet committed
	unfinished int            // open batches that are not finished
	waiting    []waitingBatch // finished batches whose identities are not free
	metadata   recovery.CommitMetadata
	committed  int64 // committed offset
	inGroup    bool  // the group has stored committed and metadata
}

// New returns a lane that cuts nothing before Recover has set where it starts.
func New() *Lane {
	return &Lane{next: -1, locks: map[uint64]int{}, newest: map[uint64]int{}}
}

// NewShared starts a lane of records whose keys name their run. A batch holds records
// of one run only.
func NewShared() *Lane {
	l := New()
	l.shared = true
	return l
}

// Recover sets where the lane starts: the committed offset, its metadata and the history
// of later offsets. inGroup says that the group has stored the offset already; taken is
// when the partition was taken over. Records before the committed offset are left out: a
// client that finds an offset past the end reads from the start.
func (l *Lane) Recover(committed int64, metadata recovery.CommitMetadata, history *recovery.History, inGroup bool, taken time.Time) {
	l.takenAt = taken
	l.committed, l.metadata, l.history, l.historyFrom, l.inGroup = committed, metadata, history, metadata.Reports, inGroup
	l.queue = slices.DeleteFunc(l.queue, func(item Item) bool {
		if item.Record.Offset >= committed {
			return false
		}
		l.bytes -= int64(len(item.Record.Value))
		return true
	})
	l.next = max(l.next, committed)
	if len(l.queue) > 0 {
		l.queue[0].Prev = metadata.Prev
	} else {
		l.prev = metadata.Prev
	}
}

// Read makes an item of a record. It is apart from Push so that whoever polls does
// the work, and not the owner of the lanes. All lanes of a process that may meet
// one identity have the same seed.
func Read(seed maphash.Seed, r *kafka.Record) Item {
	item := Item{Record: r, Identity: maphash.Bytes(seed, bytes.TrimSpace(r.Key))}
	item.ID, item.KnownID = schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID))
	return item
}

// Push adds a record. Offsets that the lane has already are left out.
func (l *Lane) Push(item Item, now time.Time) {
	r := item.Record
	if r.Offset < l.next {
		return
	}
	item.Prev = l.prev
	if l.Pending() == 0 {
		l.since = now
	}
	l.queue = append(l.queue, item)
	l.bytes += int64(len(r.Value))
	l.next, l.prev = r.Offset+1, r.Offset
}

// Pending is how many records wait to be cut.
func (l *Lane) Pending() int { return len(l.queue) - l.head }

// PendingBytes is the size of the values that wait to be cut.
func (l *Lane) PendingBytes() int64 { return l.bytes }

// Open is how many batches are cut and not committed.
func (l *Lane) Open() int { return len(l.open) }

// Head is the next record to be cut and what is known of it. Until the group holds a
// committed offset there is no head, and so nothing is sent: a next owner that finds no
// committed offset concludes that nothing was ever sent.
func (l *Lane) Head() (Item, recovery.State, bool) {
	if !l.inGroup || l.Pending() == 0 || l.unfinished >= MaxOpen || len(l.open) >= maxWaiting {
		return Item{}, recovery.Fresh, false
	}
	item := l.queue[l.head]
	return item, l.history.State(item.Record.Offset), true
}

// HeadTimes is how many requests of earlier owners may have applied the record that
// Head returns.
func (l *Lane) HeadTimes() int { return l.history.Times(l.queue[l.head].Record.Offset) }

// HeadUntold reports whether the record that Head returns has no outcome, and a later
// version of it may have been sent already.
func (l *Lane) HeadUntold() bool { return l.history.Untold(l.queue[l.head].Record.Offset) }

// Cut takes the next batch, or says when to look again: a batch that is not
// full waits for the linger, and so does one that a locked identity cuts short.
// A zero time means that only a change (a record, a finished batch) helps.
//
// Invariant 4: the identities of the batch are locked until it is finished and no
// request with them can be applied any more, so no two batches that may still be
// applied hold records of one identity.
func (l *Lane) Cut(now time.Time, limits Limits) (*Batch, time.Time) {
	_, state, ok := l.Head()
	if !ok {
		return nil, time.Time{}
	}
	n, closed := l.measure(limits)
	if n == 0 {
		return nil, time.Time{} // the head's identity is locked
	}
	if due := l.since.Add(limits.Linger); !closed && due.After(now) {
		return nil, due
	}
	b := l.take(n, state, now)
	l.lock(b)
	return b, time.Time{}
}

func (l *Lane) lock(b *Batch) {
	b.identities = make([]uint64, len(b.Items))
	for i := range b.Items {
		b.identities[i] = b.Items[i].Identity
		l.locks[b.Items[i].Identity]++
	}
}

// CutUnsent takes the next batch of records that are not to be sent. It does not
// linger, and it locks identities only if a request of an earlier owner with these
// records may still be applied.
func (l *Lane) CutUnsent(now time.Time, limit int) *Batch {
	_, state, ok := l.Head()
	if !ok {
		return nil
	}
	n := 1
	for n < limit && l.fitsHead(n) {
		n++
	}
	b := l.take(n, state, now)
	if !b.OpenUntil.IsZero() {
		l.lock(b)
	}
	return b
}

// measure counts the records that the next batch can hold. closed says that further
// records would not make the batch larger.
func (l *Lane) measure(limits Limits) (n int, closed bool) {
	var size int64
	clear(l.newest)
	for n < limits.Records && l.head+n < len(l.queue) {
		item := &l.queue[l.head+n]
		more := int64(len(item.Record.Value)) + 1 // and a comma
		if n > 0 && (size+more > limits.Bytes || !l.fitsHead(n)) {
			return n, true
		}
		if l.locks[item.Identity] > 0 {
			return n, false
		}
		if limits.MayFollow != nil {
			if older, ok := l.newest[item.Identity]; ok && !limits.MayFollow(l.queue[l.head+older].Record.Value, item.Record.Value) {
				return n, true
			}
			l.newest[item.Identity] = n
		}
		size += more
		n++
	}
	return n, n == limits.Records
}

// fitsHead reports whether the n-th waiting record may follow the head in one batch.
func (l *Lane) fitsHead(n int) bool {
	if l.head+n >= len(l.queue) {
		return false
	}
	head, item := &l.queue[l.head], &l.queue[l.head+n]
	return item.ID.Number == head.ID.Number && item.ID.Attempt == head.ID.Attempt &&
		item.KnownID == head.KnownID && (!l.shared || bytes.Equal(item.Record.Key, head.Record.Key)) &&
		l.history.Alike(item.Record.Offset, head.Record.Offset)
}

func (l *Lane) take(n int, state recovery.State, now time.Time) *Batch {
	b := &Batch{Items: make([]Item, n), State: state}
	copy(b.Items, l.queue[l.head:l.head+n])
	b.first, b.last = b.Items[0].Record.Offset, b.Items[n-1].Record.Offset
	if open := l.history.Open(b.first); open > 0 {
		b.OpenUntil = l.takenAt.Add(open)
	}
	for i := range b.Items {
		l.bytes -= int64(len(b.Items[i].Record.Value))
	}
	clear(l.queue[l.head : l.head+n]) // the batch alone keeps the records alive
	l.head += n
	if l.head == len(l.queue) || l.head > 4096 && l.head > len(l.queue)/2 {
		l.queue = slices.Delete(l.queue, 0, l.head)
		l.head = 0
	}
	l.since = now
	b.Times = l.history.Times(b.first)
	l.open = append(l.open, b)
	l.unfinished++
	return b
}
