package api

import (
	"slices"
	"strings"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// ofNewerVersion says which fields a change keeps although they are not shown, because a
// newer version has written them, and which go with the part that they stood in.
func ofNewerVersion(c plan.Change) []Consequence {
	if dropped := c.Dropped.Paths(); len(dropped) > 0 {
		return []Consequence{{About: "version", noted: true, Text: "a newer version of Tapline has written " + strings.Join(dropped, ", ") +
			", which this one does not know: it is taken out, as asked for"}}
	}
	before := c.Unknown.Paths()
	if len(before) == 0 || c.Outcome != plan.Updated {
		return nil
	}
	record, err := c.Record()
	if err != nil {
		return nil // writing it fails for the same reason, and says so
	}
	after := schemas.UnknownOf[schemas.Resource](record)
	if c.Import != nil {
		after = schemas.UnknownOf[schemas.Definition](record)
	}
	kept := after.Paths()
	gone := slices.DeleteFunc(slices.Clone(before), func(path string) bool { return slices.Contains(kept, path) })
	var said []Consequence
	if len(kept) > 0 {
		said = append(said, Consequence{About: "version", noted: true, Text: "a newer version of Tapline has written " + strings.Join(kept, ", ") +
			", which this one does not know: it stays as it is"})
	}
	if len(gone) > 0 {
		said = append(said, Consequence{About: "version", noted: true, Text: "a newer version of Tapline has written " + strings.Join(gone, ", ") +
			", which this one does not know: it goes with the part that it stood in"})
	}
	return said
}
