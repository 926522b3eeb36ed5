// Package demo shows the pipeline at work on data of its own and proves that
// nothing was lost or changed on the way: what the sandbox CleverTap holds in the
// end is compared with what it should hold, computed by SQL over the tables and
// not by the mapper.
//
// It needs cgo, for the sandbox's DuckDB; without cgo the package is empty.
package demo
