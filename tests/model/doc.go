// Package model runs the pipeline through random histories of writers and compares
// the result with an oracle that is independent of the implementation.
//
// Scheduler, extractor, mapper and loader run in this process as their programs
// run them, between a sandbox Snowflake whose clock each history sets and a
// sandbox CleverTap. A world is one such pipeline. Several histories run
// in it at once, each an import with its own table.
//
// TestHistories is about incremental reading. A history is a sequence, drawn
// from its seed, of writes that keep the promise of the lookback (late commits,
// ties, NULLs, future stamps, updates during a run), steps of the clock and runs.
// In some worlds services lose the network at any moment, as if killed, Snowflake
// and CleverTap fail for a while, and Redis is lost. At its end every key must be
// at CleverTap as its last write left it, every event as often as it was written,
// no row sent again that had not changed, and the counts of every run must add up.
//
// TestDisturbedHistories is about what people, Kafka, services and a proxy before
// CleverTap do: edits of definitions and resources within a run, cancels with
// requests in flight, held runs that are approved or declined, backfills, deletions
// and creations under the same name, topics created again, records that retention
// deletes, offsets that are lost or set back, requests that are applied late after
// any answer that does not settle them, answers that do not add up, codes without
// end, accounts that refuse for a while, tables that become wide or are put back in
// time, killed services. Its tables have several rows for each identity. A scenario
// is an import to which up to three disturbances happen in each run; the oracle
// wants every run to end, versions to arrive in their order, the newest version
// of every person and every event at CleverTap unless it was rejected with a code
// that the disturbance explains, and the runs of an import that nothing disturbs to
// take no longer than a bound. Bounds are measured by a clock that stops while the
// machine gives the process no CPU. Kinds of disturbance are listed in disturbances.
//
// TestReconciles and TestRepairs do the same for rows that come behind the watermark, and for
// profiles that are changed behind Tapline's back: their oracles know how many rows have come,
// and what CleverTap holds of everybody.
package model
