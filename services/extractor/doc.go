// Package extractor answers triggers: it runs one read-only query in Snowflake
// and streams the result's chunks into the import's rows topic, exactly once.
//
// The life of an attempt, in the order of the files:
//
//   - rejoin.go, owners.go: which imports this process works on. The consumer group
//     over the triggers topic says who owns which control partition; what there is
//     to do follows from the state topic, which the scheduler writes in the same
//     transaction as a trigger.
//   - takeover.go: fence the transactional id of the import, read the attempt's
//     reports to their end (internal/journal), then act: begin, go on after the last
//     committed chunk, or do nothing because the attempt is over.
//   - retry.go: read until the end, again after what passes, with heartbeats.
//   - modes.go: how the attempt reads. Each mode is a file: window.go, sample.go,
//     preview.go, connectiontest.go, sync.go. A window and a sample share
//     extraction.go (begin, or take up a result), query.go (the statement) and
//     stream.go (download, prepare, commit).
//   - pastruns.go: the ledger, and the look for late rows.
//
// The parts, which do not know each other:
//
//   - internal/attempt: what is to be done, a value.
//   - internal/plan: definition and columns to statement and reader; asks nobody.
//   - internal/chunk: bytes to rows, rejects and counts. Each row is counted once:
//     extracted, unchanged, future or rejected.
//   - internal/journal: what is reported and read back. A chunk's rows, its rejects
//     and the cumulative report are one transaction.
//   - internal/snowflake, internal/statement, internal/rowjson, internal/ledger,
//     internal/sqlguard.
//
// Only the extractor holds Snowflake's credentials.
package extractor
