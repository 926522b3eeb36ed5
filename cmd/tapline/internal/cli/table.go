package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// maxCell is how wide a cell of a table is at most; -o json shows all of it.
const maxCell = 100

// printTable writes a heading and rows, aligned by the width that each character
// has on a terminal.
func printTable(out io.Writer, head []string, rows [][]string) error {
	_, err := printRows(out, nil, append([][]string{head}, rows...))
	return err
}

// printRows writes rows, aligned with rows of these widths that were written before, and
// returns the widths.
func printRows(out io.Writer, before []int, rows [][]string) ([]int, error) {
	widths := slices.Clone(before)
	for _, row := range rows {
		for i := range row {
			row[i] = runewidth.Truncate(printable(row[i]), maxCell, "…")
			if i >= len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell)+2))
			}
		}
		if _, err := fmt.Fprintln(out, line.String()); err != nil {
			return widths, err
		}
	}
	return widths, nil
}

// printable replaces characters that a terminal acts on instead of showing them:
// control characters, and marks that change the direction of text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// printableLines is printable for texts of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
