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

// Item is a record on its way.
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
	// OncePerIdentity keeps a second record of an identity out of the batch: for
	// records that must not be sent twice when the first of two is retried.
	OncePerIdentity bool
}

// Batch is a sequence of records of one run and attempt that have the same
// recovery.Fate.
type Batch struct {
	Items []Item
	Fate  recovery.Fate
	// Open is until when a request of an earlier owner with these records may still
	// be applied; zero if none can be.
	Open time.Time
	// Floor is at or below the reports offset of whatever is written about the
	// batch; the owner sets it when it cuts.
	Floor int64

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
	shared bool  // by the runs of several subjects, which the records' keys name
	next   int64 // the lowest offset that is still to come
	prev   int64 // the record before next
	queue  []Item
	head   int
	bytes  int64
	since  time.Time // since when the head is the head

	past    *recovery.Past
	taken   time.Time // when the partition was taken over
	reports int64     // the reports offset that a successor needs for what past knows

	locks map[uint64]int // how many batches lock an identity
	open  []*Batch       // in the order of offsets, not yet committed
	busy  int            // open batches that are not finished
	held  []held         // finished batches whose identities are not free
	mark  recovery.Mark
	at    int64 // committed offset
	inLog bool  // at and mark are committed
}

// New starts a lane behind a committed offset. past may be set later with
// Recover; nothing is cut before.
func New() *Lane {
	return &Lane{next: -1, locks: map[uint64]int{}}
}

// NewShared starts a lane of records whose keys name their run. A batch holds records
// of one run only.
func NewShared() *Lane {
	l := New()
	l.shared = true
	return l
}

// Recover tells where the lane starts: the committed offset, its mark and what
// was reported past it. inLog says that the offset stands in the group
// already, taken is when the partition was taken over.
func (l *Lane) Recover(committed int64, mark recovery.Mark, past *recovery.Past, inLog bool, taken time.Time) {
	l.taken = taken
	l.at, l.mark, l.past, l.reports, l.inLog = committed, mark, past, mark.Reports, inLog
	if len(l.queue) > 0 {
		l.queue[0].Prev = mark.Prev
	} else {
		l.prev = mark.Prev
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
func (l *Lane) Head() (Item, recovery.Fate, bool) {
	if !l.inLog || l.Pending() == 0 || l.busy >= MaxOpen || len(l.open) >= maxHeld {
		return Item{}, recovery.Fresh, false
	}
	item := l.queue[l.head]
	return item, l.past.Fate(item.Record.Offset), true
}

// Cut takes the next batch, or says when to look again: a batch that is not
// full waits for the linger, and so does one that a locked identity cuts short.
// A zero time means that only a change (a record, a finished batch) helps.
//
// Invariant 4: the identities of the batch are locked until it is finished and no
// request with them can be applied any more, so no two batches that may still be
// applied hold records of one identity.
func (l *Lane) Cut(now time.Time, limits Limits) (*Batch, time.Time) {
	_, fate, ok := l.Head()
	if !ok {
		return nil, time.Time{}
	}
	n, closed := l.measure(fate, limits)
	if n == 0 {
		return nil, time.Time{} // the head's identity is locked
	}
	if due := l.since.Add(limits.Linger); !closed && due.After(now) {
		return nil, due
	}
	b := l.take(n, fate, now)
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
	_, fate, ok := l.Head()
	if !ok {
		return nil
	}
	n := 1
	for n < limit && l.same(n, fate) {
		n++
	}
	b := l.take(n, fate, now)
	if !b.Open.IsZero() {
		l.lock(b)
	}
	return b
}

// measure counts the records that the next batch can hold. closed: waiting will
// not make it larger.
func (l *Lane) measure(fate recovery.Fate, limits Limits) (n int, closed bool) {
	var size int64
	var seen map[uint64]bool
	if limits.OncePerIdentity {
		seen = map[uint64]bool{}
	}
	for n < limits.Records && l.head+n < len(l.queue) {
		item := &l.queue[l.head+n]
		more := int64(len(item.Record.Value)) + 1 // and a comma
		if n > 0 && (size+more > limits.Bytes || !l.same(n, fate)) {
			return n, true
		}
		if l.locks[item.Identity] > 0 {
			return n, false
		}
		if seen != nil {
			if seen[item.Identity] {
				return n, true
			}
			seen[item.Identity] = true
		}
		size += more
		n++
	}
	return n, n == limits.Records
}

// same says whether the n-th waiting record may follow the head in one batch.
func (l *Lane) same(n int, fate recovery.Fate) bool {
	if l.head+n >= len(l.queue) {
		return false
	}
	head, item := &l.queue[l.head], &l.queue[l.head+n]
	return item.ID.Number == head.ID.Number && item.ID.Attempt == head.ID.Attempt &&
		item.KnownID == head.KnownID && (!l.shared || bytes.Equal(item.Record.Key, head.Record.Key)) &&
		l.past.Fate(item.Record.Offset) == fate && l.past.Open(item.Record.Offset) == l.past.Open(head.Record.Offset)
}

func (l *Lane) take(n int, fate recovery.Fate, now time.Time) *Batch {
	b := &Batch{Items: make([]Item, n), Fate: fate}
	copy(b.Items, l.queue[l.head:l.head+n])
	b.first, b.last = b.Items[0].Record.Offset, b.Items[n-1].Record.Offset
	if open := l.past.Open(b.first); open > 0 {
		b.Open = l.taken.Add(open)
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
	l.open = append(l.open, b)
	l.busy++
	return b
}

// maxBehind is how many reports the mark of an idle lane may be behind: a
// successor reads them all, and the lane's own commits do not move the mark.
const maxBehind = 10_000

// Prefix is the offset to commit, with its mark, and whether it is news. next is
// a reports offset at or below that of any intent still to be written.
//
// Invariant 1: it covers finished batches only. It ends before the first batch that is
// not finished, or whose request may still be applied: a successor must read that batch
// again, to lock its identities as long.
func (l *Lane) Prefix(next int64) (offset int64, mark recovery.Mark, news bool) {
	if l.past == nil {
		return 0, recovery.Mark{}, false
	}
	offset, mark = l.at, l.mark
	i := 0
	for ; i < len(l.open) && l.open[i].free; i++ {
		offset, mark.Prev = l.open[i].Last()+1, l.open[i].Last()
	}
	idle := len(l.open) == 0 && l.Pending() == 0 && offset > l.past.Last()
	news = i > 0 || !l.inLog || idle && next-l.mark.Reports > maxBehind
	mark.Reports = next
	for _, b := range l.open[i:] {
		mark.Reports = min(mark.Reports, b.Floor)
	}
	if offset <= l.past.Last() {
		mark.Reports = min(mark.Reports, l.reports)
	}
	return offset, mark, news
}

// Committed tells that the group has stored the offset.
func (l *Lane) Committed(offset int64, mark recovery.Mark) {
	i := 0
	for i < len(l.open) && l.open[i].Last() < offset {
		i++
	}
	l.open = slices.Delete(l.open, 0, i)
	l.at, l.mark, l.inLog = offset, mark, true
}
