// Package model runs the pipeline through random histories of writers and
// checks it against an oracle that knows nothing of how it works.
//
// Scheduler, extractor, mapper and loader run in this process as their programs
// run them, between a sandbox Snowflake whose clock each history sets and a
// sandbox CleverTap. A world is one such pipeline; it is home to several
// histories at once, each an import with a table of its own.
//
// TestHistories is about the incremental reading. A history is a sequence, drawn
// from its seed, of writes that keep the promise of the lookback (late commits,
// ties, NULLs, future stamps, updates during a run), steps of the clock and runs.
// In some worlds services are cut off at any moment, as a kill does it, Snowflake
// and CleverTap fail for a while, and Redis is lost. At its end every key must be
// at CleverTap as its last write left it, every event as often as it was written,
// no row sent again that had not changed, and the counts of every run must add up.
//
// TestDisturbedHistories is about what people, Kafka and a proxy before CleverTap
// do: edits of definitions and resources within a run, cancels with requests in
// flight, backfills, topics made anew, offsets that are lost, requests that are
// applied late, answers that do not add up. Its tables have several rows for each
// identity. A scenario is an import to which disturbances happen; the oracle
// wants every run to end, versions to arrive in their order, the newest version
// of every person and every event at CleverTap, and the runs of an import that
// nothing disturbs to take no longer than a bound. Kinds of disturbance are
// listed in disturbances.
package model
