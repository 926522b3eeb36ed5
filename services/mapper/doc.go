// Package mapper turns rows into records: it consumes the rows topic of every
// import, applies the mapping of the run's own definition, and produces the
// exact JSON that CleverTap will receive, or a reject with a reason.
//
// A row's way through this package: consume polls, (*batch).add decides by the
// run's state and maps, (*batch).finish adds the counts, and one Kafka
// transaction holds records, rejects, counts and offsets.
//
// If it dies at any instant the open transaction is aborted and the same rows
// are polled again; nothing of it was visible.
package mapper
