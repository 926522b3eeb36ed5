package lane

import (
	"slices"

	"tapline.dev/services/loader/internal/recovery"
)

// maxReportsBehind is how many reports the metadata of an idle lane may be behind: a
// successor reads them all, and no commit of the lane's own moves the position.
const maxReportsBehind = 10_000

// Prefix is the offset to commit, with its metadata, and whether it has changed. next is
// a reports offset at or below that of any intent still to be written.
//
// Invariant 1: it covers finished batches only. It ends before the first batch that is
// not finished, or whose request may still be applied: a successor must read that batch
// again, to lock its identities as long.
func (l *Lane) Prefix(next int64) (offset int64, metadata recovery.CommitMetadata, changed bool) {
	if l.history == nil {
		return 0, recovery.CommitMetadata{}, false
	}
	offset, metadata = l.committed, l.metadata
	i := 0
	for ; i < len(l.open) && l.open[i].free; i++ {
		offset, metadata.Prev = l.open[i].Last()+1, l.open[i].Last()
	}
	idle := len(l.open) == 0 && l.Pending() == 0 && offset > l.history.Last()
	changed = i > 0 || !l.inGroup || idle && next-l.metadata.Reports > maxReportsBehind
	metadata.Reports = next
	for _, b := range l.open[i:] {
		metadata.Reports = min(metadata.Reports, b.ReportsFloor)
	}
	if offset <= l.history.Last() {
		metadata.Reports = min(metadata.Reports, l.historyFrom)
	}
	return offset, metadata, changed
}

// Committed notes that the group has stored the offset.
func (l *Lane) Committed(offset int64, metadata recovery.CommitMetadata) {
	i := 0
	for i < len(l.open) && l.open[i].Last() < offset {
		i++
	}
	l.open = slices.Delete(l.open, 0, i)
	l.committed, l.metadata, l.inGroup = offset, metadata, true
}
