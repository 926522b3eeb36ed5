package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"tapline.dev/schemas"
)

// Applied is everything that is applied now.
type Applied struct {
	Imports   []schemas.Definition
	Resources []schemas.Resource
}

// Removals are the changes that remove what has all of the labels and is not named by
// the set: imports first, so that nothing names a resource that goes.
func Removals(set Set, labels map[string]string, applied Applied) []Change {
	var changes []Change
	selector := schemas.Selector{Labels: labels}
	for _, d := range applied.Imports {
		named := slices.ContainsFunc(set.Imports, func(n schemas.Definition) bool { return n.Metadata.Name == d.Metadata.Name })
		if named || !selector.Selects(d.Metadata) {
			continue
		}
		changes = append(changes, Change{
			Kind: schemas.KindImport, Name: d.Metadata.Name, Outcome: Removed, Generation: d.Generation + 1, Import: &d, Before: encoded(true, d),
		})
	}
	for _, r := range applied.Resources {
		named := slices.ContainsFunc(set.Resources, func(n schemas.Resource) bool { return n.Kind == r.Kind && n.Metadata.Name == r.Metadata.Name })
		if named || !selector.Selects(r.Metadata) {
			continue
		}
		changes = append(changes, Change{
			Kind: r.Kind, Name: r.Metadata.Name, Outcome: Removed, Generation: r.Generation, Resource: &r, Before: encoded(true, r),
		})
	}
	return changes
}

// Digest names what changes do and what they do it to: another digest means that
// somebody has changed something since.
func Digest(changes []Change) string {
	sum := sha256.New()
	encoder := json.NewEncoder(sum)
	for _, c := range changes {
		var after json.RawMessage
		switch {
		case c.Outcome == Removed:
		case c.Import != nil:
			after = importBody(*c.Import)
		default:
			after = resourceBody(*c.Resource)
		}
		// A hash takes everything, and what is encoded came out of JSON.
		_ = encoder.Encode([]any{c.Kind, c.Name, c.Outcome, c.Generation, c.Before, after, c.Dropped.Paths()})
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
