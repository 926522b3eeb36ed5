package book

import (
	"tapline.dev/domain/listing"
	"tapline.dev/schemas"
)

// Listing is the import as the listing shows it, nil once it is deleted.
func (b *Book) Listing(importName string) *schemas.Listing {
	e, ok := b.imports[importName]
	if !ok || e.state == nil || (e.def == nil && !e.unreadable) {
		return nil
	}
	i := listing.Import{Name: e.name, Definition: e.def, State: e.state, Last: e.last}
	if e.fold != nil {
		i.Waiting = e.fold.Waiting
	}
	return listing.Of(i)
}
