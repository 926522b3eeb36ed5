package fold

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"tapline.dev/schemas"
)

// The bounds below keep a fold far below the maximum size of a Kafka record,
// whatever a table, a definition or CleverTap's answers contain. The bounds of the
// columns and the notes are generous; a note says what they cut.
const (
	// MaxCodes is how many different codes or reasons a run counts by themselves.
	MaxCodes = 64
	// maxCode is the longest code, in bytes.
	maxCode = 64
	// CodeOther sums the rejects of all further codes.
	CodeOther = "other_codes"
	// maxChanges is how many changes of columns a run lists.
	maxChanges = 50
	// maxNotes is how many other notes it has.
	maxNotes = 20
	// maxText is the longest text that a report may put into a fold, in bytes.
	maxText = 1024
	// maxColumns is how much of a fold the columns of a run may fill, in bytes of
	// JSON.
	maxColumns = 384 << 10
)

// addCode adds n to a code's count. An endpoint may answer with as many different
// codes as it likes: the later ones are summed up.
func addCode(counts map[string]int64, code string, n int64) {
	code = cut(code, maxCode)
	if _, known := counts[code]; !known && len(counts) >= MaxCodes {
		code = CodeOther
	}
	counts[code] += n
}

// boundCodes is counts with no more codes than a run may have.
func boundCodes(counts map[string]int64) map[string]int64 {
	short := func(code string) bool { return len(code) <= maxCode }
	if len(counts) <= MaxCodes && !slices.ContainsFunc(slices.Collect(maps.Keys(counts)), func(code string) bool { return !short(code) }) {
		return counts
	}
	out := map[string]int64{}
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		addCode(out, code, counts[code])
	}
	return out
}

// boundColumns leaves out the columns if they would make the fold and the state
// too large. Columns serve only to note what has changed since the run before, so
// a run must not fail because of them.
func boundColumns(s *schemas.Started) *schemas.Started {
	bounded := *s
	bounded.QueryID, bounded.Mapped = cut(s.QueryID, maxText), nil // only extractors need Mapped
	size := columnsSize(s.Columns)
	for _, name := range s.Gone {
		size += columnsSize([]schemas.Column{{Name: name}})
	}
	if size > maxColumns {
		bounded.Columns, bounded.Gone = nil, nil
	}
	return &bounded
}

// columnsSize is about what the columns take as JSON.
func columnsSize(columns []schemas.Column) int {
	const frame = 80 // keys, punctuation, precision and scale
	size := 0
	for _, c := range columns {
		size += frame + len(c.Type)
		for _, r := range c.Name {
			size += escaped(r)
		}
	}
	return size
}

// escaped is how many bytes a character takes in JSON at most.
func escaped(r rune) int {
	if r < 0x20 || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029' {
		return 6
	}
	return utf8.RuneLen(r)
}

func boundWaiting(w *schemas.Waiting) *schemas.Waiting {
	bounded := *w
	bounded.Stage, bounded.Account, bounded.Reason = cut(w.Stage, maxCode), cut(w.Account, maxText), cut(w.Reason, maxText)
	bounded.Code = cut(w.Code, maxCode)
	return &bounded
}

// BoundFigures returns the first figures of a hold, with texts that fit into a state, and
// how many more there are.
func BoundFigures(figures []schemas.HoldFigure) ([]schemas.HoldFigure, int) {
	const longest = 256
	more := max(len(figures)-schemas.MaxHoldFigures, 0)
	out := slices.Clone(figures[:len(figures)-more])
	for i, f := range out {
		out[i].Code, out[i].Column, out[i].Reason = cut(f.Code, maxCode), cut(f.Column, longest), cut(f.Reason, longest)
	}
	return out, more
}

// Cut shortens a text to what a state and a run event may hold.
func Cut(text string) string { return cut(text, maxText) }

// BoundError is an error whose texts fit into a state and a run event.
func BoundError(stage, code, reason string) *schemas.RunError {
	return &schemas.RunError{Stage: cut(stage, maxCode), Code: cut(code, maxCode), Reason: cut(reason, maxText)}
}

// Note adds a note to the run, once.
func Note(f *schemas.Fold, note string) {
	note = cut(note, maxText)
	if len(f.Notes) < maxNotes && !slices.Contains(f.Notes, note) {
		f.Notes = append(f.Notes, note)
	}
}

// boundChanges returns the first maxChanges changes, and a line that says how many
// more there are.
func boundChanges(changes []string) []string {
	if len(changes) <= maxChanges {
		return changes
	}
	more := len(changes) - maxChanges
	return append(slices.Clip(changes[:maxChanges]), fmt.Sprintf("and %d more changes of columns", more))
}

// Shrink removes from a closed run's fold what the listing does not need. How the
// run ended stays.
func Shrink(f *schemas.Fold) {
	f.Started, f.Final, f.Changed, f.Attempts, f.Partitions = nil, nil, nil, map[int]schemas.Extraction{}, nil
}

// cut shortens a text to a number of bytes, at the border of a character.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}
