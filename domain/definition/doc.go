// Package definition reads the YAML (or JSON, which is YAML) that users write
// and checks it: unknown keys, wrong types, values out of their range, broken
// references, secrets in plain text. It reports everything at once, with file,
// line and column, each problem with its code of the catalogue.
//
// What needs the query's columns is not checked here; mapping.Compile does that
// at apply, when they are known.
package definition
