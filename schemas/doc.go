// Package schemas holds the contracts on which Tapline's services meet: the
// Kafka topics, their keys, headers and JSON values, the definitions that users
// write, and the catalogue of reject codes.
//
// A contract has three parts: the Go type, its JSON Schema (<name>.v1.schema.json)
// and a golden example (testdata/<name>.v1.golden.json); TestContracts compares
// them. The package uses the standard library only,
// so that any tool can import it at no cost.
package schemas
