package rejects

import (
	"encoding/binary"
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// maxField bounds each text of a cell; a longer one is cut off.
const maxField = 256

// cell is one combination of the values that rejects are counted by. The index holds one
// count for each cell.
type cell struct {
	Import   string
	Run      string
	Stage    string
	Code     string
	Column   string
	Property string
	Shape    string
	Hour     int64 // since 1970
	// Replay is the run that took them last, "" if none did. Again says that a reject
	// of that row has come since.
	Replay string
	Again  bool
}

const separator = "\x00"

// key is the cell's key in the store. It begins with import and run, so that the cells of an
// import, and those of a run, are adjacent.
func (c cell) key() string {
	again := "0"
	if c.Again {
		again = "1"
	}
	return strings.Join([]string{
		c.Import, c.Run, c.Stage, c.Code, c.Column, c.Property, c.Shape, strconv.FormatInt(c.Hour, 10), c.Replay, again,
	}, separator)
}

// prefix is the common prefix of the keys of the cells that the selection may contain.
func (s Selection) prefix() string {
	switch {
	case s.Import == "":
		return ""
	case s.Run == "":
		return s.Import + separator
	}
	return s.Import + separator + s.Run + separator
}

func parseCell(key string) (cell, bool) {
	f := strings.Split(key, separator)
	if len(f) != 10 {
		return cell{}, false
	}
	hour, err := strconv.ParseInt(f[7], 10, 64)
	return cell{f[0], f[1], f[2], f[3], f[4], f[5], f[6], hour, f[8], f[9] == "1"}, err == nil
}

func cellOf(r schemas.Reject) cell {
	return cell{
		Import: field(r.Import), Run: field(r.Run), Stage: field(r.Stage), Code: field(r.Code), Column: field(r.Column),
		Property: field(r.Property), Shape: shapeOf(r.Row, r.Column), Hour: hourOf(r.Time.Unix()),
	}
}

// hourOf is the hour of a second, rounded down also before 1970.
func hourOf(second int64) int64 {
	hour := second / 3600
	if second%3600 < 0 {
		hour--
	}
	return hour
}

// field shortens a text and replaces the separator in it.
func field(text string) string {
	return strings.ReplaceAll(text[:min(len(text), maxField)], separator, " ")
}

// tally is the stored value of a cell: its number, how many rejects it has, and the first
// and last of their offsets. The offsets are bounds only, once rejects have left the cell.
type tally struct {
	ID          uint64
	Partition   int32
	Count       int64
	First, Last int64
}

const tallyBytes = 36

func (t tally) encode() []byte {
	b := make([]byte, 0, tallyBytes)
	b = binary.BigEndian.AppendUint64(b, t.ID)
	b = binary.BigEndian.AppendUint32(b, uint32(t.Partition)) //nolint:gosec // partitions are not negative
	for _, n := range []int64{t.Count, t.First, t.Last} {
		b = binary.BigEndian.AppendUint64(b, uint64(n)) //nolint:gosec // none is negative
	}
	return b
}

func decodeTally(b []byte) (tally, bool) {
	if len(b) != tallyBytes {
		return tally{}, false
	}
	number := func(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) } //nolint:gosec // as encoded
	return tally{
		ID: binary.BigEndian.Uint64(b), Partition: int32(binary.BigEndian.Uint32(b[8:])), //nolint:gosec // as encoded
		Count: number(12), First: number(20), Last: number(28),
	}, true
}
