package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// maxCell is how wide a cell of a table is at most; -o json shows all of it.
const maxCell = 100

// printTable writes a heading and rows, aligned by the width that each character
// has on a terminal.
func printTable(out io.Writer, head []string, rows [][]string) error {
	return printTableWithin(out, terminalWidth(out), head, rows)
}

// terminalWidth is how many columns a terminal has, 0 if out is none.
func terminalWidth(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// printTableWithin writes a table. One that is wider than the terminal would be broken
// anywhere, so that each row becomes a block then, with a line for each cell. For a width of
// 0 nothing is too wide: programs read lines.
func printTableWithin(out io.Writer, width int, head []string, rows [][]string) error {
	total := 0
	for i := range head {
		widest := runewidth.StringWidth(head[i])
		for _, row := range rows {
			if i < len(row) {
				widest = max(widest, min(runewidth.StringWidth(printable(row[i])), maxCell))
			}
		}
		total += widest + 2
	}
	if width == 0 || total-2 <= width || len(rows) == 0 || len(head) < 2 {
		_, err := printRows(out, nil, append([][]string{head}, rows...))
		return err
	}
	for n, row := range rows {
		var block [][]string
		for i, cell := range row {
			block = append(block, []string{head[i], cell})
		}
		if n > 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return err
			}
		}
		if _, err := printRows(out, nil, block); err != nil {
			return err
		}
	}
	return nil
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
		if obeyed(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// printableLines is printable for texts of several lines.
func printableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	return strings.Join(lines, "\n")
}
