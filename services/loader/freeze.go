package loader

import (
	"errors"
	"slices"

	"tapline.dev/domain/resources"
	"tapline.dev/schemas"
)

// errHeld says that the request was not written because a person has frozen the
// account or the import, or because the suppression list cannot be compared.
var errHeld = errors.New("uploads are held")

// frozenBy is the freeze that keeps a subject's records from the account, if there
// is one. It is read from the log: it holds without Redis. Safe for concurrent use.
func (s *Service) frozenBy(accountName, subject string) (resources.Freeze, bool) {
	freezes := s.accounts.resources.Freezes()
	if len(freezes) == 0 {
		return resources.Freeze{}, false
	}
	metadata := s.imports.Metadata(schemas.ImportOf(subject))
	if i := slices.IndexFunc(freezes, func(f resources.Freeze) bool { return f.Holds(accountName, metadata) }); i >= 0 {
		return freezes[i], true
	}
	return resources.Freeze{}, false
}
