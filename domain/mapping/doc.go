// Package mapping turns rows into the records that CleverTap receives.
//
// Compile checks an import's mapping against the columns of its query and
// reports every problem at once. Map then turns one row, as the rows topic
// carries it, into the exact bytes of one record, or into a reject whose reason
// names no value. The package is pure: no clock, no network, no files.
//
// A Mapping is immutable and safe for concurrent use; its scratch space is
// pooled, so callers keep one Mapping per import and definition.
//
// Files in the order of a row's way: scan.go reads the row, identity.go the
// identity, record.go assembles, property.go and convert.go make the values,
// number.go, dates.go, system.go, email.go, phone.go, nested.go and expr.go hold
// one rule each.
package mapping
