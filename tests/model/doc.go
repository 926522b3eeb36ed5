// Package model runs the pipeline through random histories of writers and
// checks it against an oracle that knows nothing of how it works.
//
// Scheduler, extractor, mapper and loader run in this process as their programs
// run them, between a sandbox Snowflake whose clock each history sets and a
// sandbox CleverTap. A world is one such pipeline; it is home to some fifty
// histories at once, each an import with a table of its own. A history is a
// sequence, drawn from its seed, of writes that keep the promise of the lookback
// (late commits, ties, NULLs, future stamps, updates during a run), steps of the
// clock and runs. In some worlds services are cut off at any moment, as a kill
// does it, Snowflake and CleverTap fail for a while, and Redis is lost.
//
// At its end every key must be at CleverTap as its last write left it, every
// event as often as it was written, no row sent again that had not changed, and
// the counts of every run must add up.
package model
