// Package extractor answers triggers: it runs one read-only query in Snowflake
// and streams the result's chunks into the import's rows topic, exactly once.
//
// The life of an attempt, in the order of the files:
//
//   - owners.go: which imports this process works on. The consumer group over
//     the triggers topic says who owns which control partition; what there is to
//     do follows from the state topic, which the scheduler writes in the same
//     transaction as a trigger.
//   - term.go: taking over. Fence the transactional id of the import, read the
//     reports to their end, then act: begin, go on after the last committed
//     chunk, or do nothing because the attempt is over.
//   - begin.go: the query. Its columns are described, the mapping is compiled
//     against them, the window is written, and the query's id, size and clock
//     are reported before the first row.
//   - stream.go: the chunks. One is downloaded while the one before it is
//     prepared and the one before that is committed.
//   - prepare.go: the rows of a chunk. Each is counted once: extracted,
//     unchanged, future or rejected.
//   - transact.go: a chunk's rows, its rejects and the cumulative report are one
//     transaction.
//
// After a crash the next owner takes up the same result by its query id. Only
// the extractor holds Snowflake's credentials.
package extractor
