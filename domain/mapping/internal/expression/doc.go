// Package expression compiles and evaluates the expressions of a mapping.
//
// The syntax and the static types are expr-lang's: its parser and its checker
// are used as they are. The evaluation is this package's own, because three
// things that rows need cannot be had from expr-lang's virtual machine: a NUMBER
// of 38 digits as an exact decimal, texts that count characters, and a budget of
// steps and bytes that every replica exhausts at the same place.
//
// There are two languages. In Exact a NUMBER is an exact decimal. Former is what
// expressions meant before: a NUMBER of more than 15 digits or with decimals is
// a text. Imports that were applied under Former keep it until they are edited.
//
// Files: compile.go checks, limits.go bounds what may be compiled, budget.go
// what a row may cost; eval.go walks the tree, predicates.go holds the loops,
// exact.go and former.go the operators of either language, number.go the exact
// numbers, calls.go the calls, functions.go, numbers.go, texts.go and lists.go
// the functions of Exact, values.go what goes in and comes out.
package expression
