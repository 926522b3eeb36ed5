// Package fold turns the reports of a run into counts and says when the run is
// over. It is pure: a fold depends on nothing but the reports that it was given,
// each of them once.
package fold

import (
	"maps"
	"slices"
	"time"

	"tapline.dev/schemas"
)

// New is the fold of a run of which nothing has been reported.
func New(run, importName string, partitions int, now time.Time) *schemas.Fold {
	return &schemas.Fold{
		Run: run, Import: importName,
		Attempts:      map[int]schemas.Extraction{},
		Partitions:    make([]schemas.FoldPartition, partitions),
		RejectsByCode: map[string]int64{},
		Skipped:       map[string]int64{},
		SkippedAsOver: map[int]int64{},
		ProgressAt:    now,
	}
}

// NextAttempt readies the fold for another attempt. What the attempts before it
// extracted stays counted, because their rows still pass through the topics.
func NextAttempt(f *schemas.Fold, now time.Time) {
	f.Started, f.Final, f.ProgressAt = nil, nil, now
}

// EndEarly makes the counts of the attempt's chunks its final ones, because no final
// report follows.
func EndEarly(f *schemas.Fold, attempt int) {
	if f.Final != nil {
		return
	}
	done := f.Attempts[attempt]
	if done.ByPartition == nil {
		done.ByPartition = []int64{} // nothing was read; readers of the topic expect a list
	}
	f.Final = &schemas.Final{Extraction: done, Early: true}
}

// Apply takes in a report of the run, whose newest attempt is given, and tells
// whether the run has made progress.
func Apply(f *schemas.Fold, attempt int, r *schemas.Report, now time.Time) bool {
	progress := apply(f, attempt, r, now)
	noteStage(f, r)
	if progress {
		f.ProgressAt = now
	}
	return progress
}

// Plausible reports whether a report names only partitions that an import can have. Any
// other report would crash the scheduler, again at every start.
func Plausible(r *schemas.Report) bool {
	possible := func(p int32) bool { return p >= 0 && p < schemas.MaxPartitions }
	for _, e := range []*schemas.Extraction{r.Chunk, finalOf(r), abandonedOf(r)} {
		if e != nil && len(e.ByPartition) > schemas.MaxPartitions {
			return false
		}
	}
	return (r.Mapped == nil || possible(r.Mapped.Partition)) && (r.Receipt == nil || possible(r.Receipt.Partition))
}

func finalOf(r *schemas.Report) *schemas.Extraction {
	if r.Final == nil {
		return nil
	}
	return &r.Final.Extraction
}

func abandonedOf(r *schemas.Report) *schemas.Extraction {
	if r.Abandoned == nil {
		return nil
	}
	return &r.Abandoned.Extraction
}

func apply(f *schemas.Fold, attempt int, r *schemas.Report, now time.Time) bool {
	if r.Attempt < 1 || r.Attempt > attempt || !Plausible(r) {
		return false
	}
	if f.Waiting != nil && f.Waiting.Stage == schemas.StageExtract && (r.Started != nil || r.Chunk != nil || r.Final != nil) {
		f.Waiting, f.WaitingAt = nil, nil // Snowflake answers
	}
	switch {
	case r.Started != nil:
		if r.Attempt != attempt || f.Final != nil {
			return false
		}
		f.Started = boundColumns(r.Started)
		return true
	case r.Chunk != nil:
		return extraction(f, r.Attempt, *r.Chunk)
	case r.Final != nil:
		if r.Attempt != attempt || f.Final != nil {
			return false
		}
		extraction(f, r.Attempt, r.Final.Extraction)
		final := *r.Final
		final.RejectsByCode = boundCodes(final.RejectsByCode)
		f.Final = &final
		return true
	case r.Abandoned != nil:
		extraction(f, r.Attempt, r.Abandoned.Extraction)
		return true
	case r.Mapped != nil:
		mapped(f, r.Attempt, r.Mapped)
		return true
	case r.Receipt != nil:
		receipt(f, r)
		return true
	case r.Waiting != nil:
		return waiting(f, r.Waiting, now)
	case r.Preview != nil, r.Connection != nil, r.Tables != nil, r.Account != nil, r.Clocks != nil:
		return true
	}
	// A heartbeat shows only that an extractor lives, and an intent only that an
	// upload is tried. Neither is progress of the run.
	return false
}

// extraction keeps the newest cumulative counts of an attempt.
func extraction(f *schemas.Fold, attempt int, e schemas.Extraction) bool {
	if old, ok := f.Attempts[attempt]; ok && old.Chunks > e.Chunks {
		return false
	}
	e.RejectsByCode = boundCodes(e.RejectsByCode)
	e.Skipped = boundCodes(e.Skipped)
	e.Refused = boundCodes(e.Refused)
	f.Attempts[attempt] = e
	return true
}

func mapped(f *schemas.Fold, attempt int, m *schemas.Mapped) {
	p := partition(f, m.Partition)
	p.Mapped += m.Mapped
	for code, n := range m.RejectsByCode {
		p.MapRejected += n
		addCode(f.RejectsByCode, code, n)
	}
	countAges(f, m.Aged)
	for reason, n := range m.Skipped {
		p.MapSkipped += n
		addSkipped(f, attempt, reason, n)
	}
}

// receipt gives each offset its outcome once: the first receipt wins, and what
// a later one sent again is counted as resent.
func receipt(f *schemas.Fold, r *schemas.Report) {
	rec := r.Receipt
	p := partition(f, rec.Partition)
	fresh, total := countOffsets(p, rec.Ranges)
	if n := min(rec.Uncertain, fresh.count()); n > 0 {
		if f.UncertainByAttempt == nil {
			f.UncertainByAttempt = map[int]int64{}
		}
		f.UncertainByAttempt[r.Attempt] += n
	}
	again := total - fresh.count()
	skipped, rejected := int64(0), int64(0)
	for _, o := range rec.Skipped {
		if fresh.has(o.Offset) {
			skipped++
			addSkipped(f, r.Attempt, o.Code, 1)
		} else {
			again--
		}
	}
	for _, o := range rec.Rejected {
		if fresh.has(o.Offset) {
			rejected++
			addCode(f.RejectsByCode, o.Code, 1)
		}
	}
	if rec.SkipReason != "" {
		p.LoadSkipped += fresh.count()
		addSkipped(f, r.Attempt, rec.SkipReason, fresh.count())
		return
	}
	p.LoadSkipped += skipped
	p.LoadRejected += rejected
	loaded := fresh.count() - skipped - rejected
	p.Loaded += loaded
	if f.LoadedByAttempt == nil {
		f.LoadedByAttempt = map[int]int64{}
	}
	f.LoadedByAttempt[r.Attempt] += loaded
	// Resent counts records that the loader knows it has sent before; again counts
	// offsets that had an outcome already, which the loader may not know. The larger
	// of the two counts no record twice.
	f.Resent += max(rec.Resent, again)
	if f.Waiting != nil && f.Waiting.Stage != schemas.StageExtract && rec.Status == 200 && r.Time.After(f.Waiting.Since) {
		// CleverTap answers for the account, so the wait is over, even if no report
		// of its end ever comes.
		f.Waiting, f.WaitingAt = nil, nil
	}
}

func addSkipped(f *schemas.Fold, attempt int, reason string, n int64) {
	if n == 0 {
		return
	}
	addCode(f.Skipped, reason, n)
	switch reason {
	case schemas.SkipClosed, schemas.SkipCancelled, schemas.SkipStopped:
		if f.SkippedAsOver == nil {
			f.SkippedAsOver = map[int]int64{}
		}
		f.SkippedAsOver[attempt] += n
	}
}

func partition(f *schemas.Fold, p int32) *schemas.FoldPartition {
	for int(p) >= len(f.Partitions) {
		f.Partitions = append(f.Partitions, schemas.FoldPartition{})
	}
	return &f.Partitions[p]
}

// Event returns the run event of the active run, for the runs topic and Redis.
func Event(f *schemas.Fold, a *schemas.ActiveRun) schemas.Run {
	r := schemas.Run{
		Run: a.Run, Import: f.Import, Mode: a.Mode, State: a.State, Attempt: a.Attempt, Epoch: a.Epoch, Generation: a.Generation, Cause: a.Cause,
		Actor: a.Actor, Due: a.Due, DueFrom: a.DueFrom, Stages: maps.Clone(f.Stages),
		TraceID: a.TraceID, WatermarkFrom: a.WatermarkFrom, To: a.To, Initial: a.Initial, Runs: a.Runs, Replay: a.Replay, Repair: a.Repair, Counts: Counts(f),
		RejectsByCode: maps.Clone(f.RejectsByCode), SkippedByReason: maps.Clone(f.Skipped),
		Waiting: f.Waiting, StartedAt: a.StartedAt,
	}
	if f.Started != nil {
		r.QueryID, r.Total, r.Reconciled = f.Started.QueryID, f.Started.Total, f.Started.Reconciled
	}
	r.Taken, r.Refused = Taken(f)
	r.HeldBecause, r.Approval, r.Snowflake = a.HeldBecause, a.Approval, Snowflake(f)
	r.Notes = append(r.Notes, f.Notes...)
	r.Notes = append(r.Notes, f.Changed...)
	r.Notes = append(r.Notes, lateNotes(f, a)...)
	var partial, unread, aside bool
	for _, e := range f.Attempts {
		for code, n := range e.RejectsByCode {
			addCode(r.RejectsByCode, code, n)
		}
		for reason, n := range e.Skipped {
			addCode(r.SkippedByReason, reason, n)
		}
		partial, unread, aside = partial || e.LedgerPartial, unread || e.LedgerReadError, aside || e.LedgerSetAside
	}
	if partial {
		r.Notes = append(r.Notes, "the ledger of this run is incomplete: unchanged rows may be sent again by the next one")
	}
	if unread {
		r.Notes = append(r.Notes, "the ledger of the run before could not be read: unchanged rows were sent again")
	}
	if aside {
		r.Notes = append(r.Notes, "the ledger was set aside after an interruption or a run that did not succeed: unchanged rows were sent again")
	}
	r.Notes = append(r.Notes, loadedBefore(f)...)
	r.Notes = append(r.Notes, rowNotes(f)...)
	r.Notes = append(r.Notes, orderNotes(a)...)
	return r
}

// Counts sums over attempts and partitions.
func Counts(f *schemas.Fold) schemas.Counts {
	c := schemas.Counts{Resent: f.Resent, Repeated: f.Repeated}
	for _, e := range f.Attempts {
		c.Read += e.Read
		c.Unchanged += e.Unchanged
		c.StillRejected += e.StillRejected
		c.Future += e.Future
		c.Extracted += e.Extracted
		c.ExtractRejected += e.Rejected
		c.ExtractSkipped += skipped(e)
	}
	for _, p := range f.Partitions {
		c.Mapped += p.Mapped
		c.MapRejected += p.MapRejected
		c.MapSkipped += p.MapSkipped
		c.Loaded += p.Loaded
		c.LoadRejected += p.LoadRejected
		c.LoadSkipped += p.LoadSkipped
	}
	return c
}

// skipped is the number of rows that the extractor itself left out.
func skipped(e schemas.Extraction) (n int64) {
	for _, rows := range e.Skipped {
		n += rows
	}
	return n
}

// extracted is the number of rows that all attempts produced to each partition.
func extracted(f *schemas.Fold) []int64 {
	out := make([]int64, len(f.Partitions))
	for _, attempt := range slices.Sorted(maps.Keys(f.Attempts)) {
		for p, n := range f.Attempts[attempt].ByPartition {
			for p >= len(out) {
				out = append(out, 0)
			}
			out[p] += n
		}
	}
	return out
}
