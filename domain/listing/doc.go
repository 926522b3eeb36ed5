// Package listing says what an import looks like in the listing: its status, its
// health, its next run and the columns that follow from its definition. It is pure.
// The scheduler writes what follows from its state to Redis; Import Center adds the
// columns, and works all of it out from the log where Redis does not answer.
package listing
