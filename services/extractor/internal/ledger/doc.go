// Package ledger remembers which rows a run has read, so that the next run
// leaves out those that have not changed.
//
// It is a multiset of exact 128-bit fingerprints: it drops at most as many rows
// of a fingerprint as it holds, because two equal purchases are two purchases.
// A run reads the ledger of the run before, and writes its own as it goes, one
// value for each chunk, before the chunk's transaction. The values lie in Redis
// alone: losing them costs rows sent again, never a row.
//
// Only rows within the lookback of the highest cursor seen so far can be read
// again, and rows come in the cursor's order, so that values of older chunks
// are removed while the run reads. Rows with a NULL cursor come first and are read
// again by every run: the values of their chunks stay.
package ledger
