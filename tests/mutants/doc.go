// Package mutants holds deliberate mistakes, each a patch beside this file, and
// applies them to copies of the source files that they change. The compiler reads
// the copies through its flag -overlay, so the production lines hold no trace of
// a mistake, and packages without one come from the shared build cache.
//
// All patches are applied at once. A patch asks MISTAKE where the mistake
// begins, and Overlay replaces that word with a call that is true if the process
// was started with TAPLINE_MISTAKE=<name of the patch>. So one binary holds all
// mistakes, and the environment chooses one.
//
// docs/mutants.md says how a mistake is written, run and listed.
package mutants
