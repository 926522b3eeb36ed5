// Package records holds the profiles and events that were applied, and a journal of them on disk.
package records
