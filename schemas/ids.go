package schemas

import (
	"bytes"
	"strconv"
)

// Headers of rows and records; a header costs on every row, so there are few.
const (
	HeaderID          = "id"
	HeaderTraceparent = "traceparent"
	// HeaderShown is on the rows of a sync only: the SHA-256 of the record that the
	// dry run showed, in lower-case hex.
	HeaderShown = "shown"
	// HeaderFingerprint is on the rows and records of event imports: 128 bits over
	// the row's mapped columns, its cursor and the mapping, in base64 for URLs.
	HeaderFingerprint = "fingerprint"
	// HeaderOlder is on the rows of a dry run only: the query gives a newer row of the
	// identity, so that a sync leaves this one out.
	HeaderOlder = "older"
	// HeaderChanged is on the rows of a verification only: the row's cursor as an instant
	// of UTC.
	HeaderChanged = "tapline-changed"
	// HeaderReplayOf is on the rows and records of a replay: the reject that was taken,
	// as RejectRef writes it.
	HeaderReplayOf = "tapline-replay-of"
	// HeaderAsSent is on the rows of a replay whose value is a record already, which the
	// mapper passes on byte for byte.
	HeaderAsSent = "tapline-as-sent"
	// HeaderClock is on the rows of a replay of events without Created On: the seconds
	// since 1970 that the event has for its time, because its first run had them.
	HeaderClock = "tapline-clock"
)

// RunID is the name of an import's n-th run, such as customers.42.
func RunID(importName string, number int) string {
	return importName + "." + strconv.Itoa(number)
}

// RowID is the value of the id header: run number, attempt and the row's
// position in the result, counted from 1. It is the same for a row and the
// record made from it, and for a row that is read again.
type RowID struct {
	Number  int
	Attempt int
	Seq     int64
}

// Append writes id to b.
func (id RowID) Append(b []byte) []byte {
	b = strconv.AppendInt(b, int64(id.Number), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(id.Attempt), 10)
	b = append(b, '.')
	return strconv.AppendInt(b, id.Seq, 10)
}

// String is the id's text.
func (id RowID) String() string { return string(id.Append(nil)) }

// ParseRowID reads an id header.
func ParseRowID(b []byte) (RowID, bool) {
	first := bytes.IndexByte(b, '.')
	last := bytes.LastIndexByte(b, '.')
	if first <= 0 || last <= first+1 {
		return RowID{}, false
	}
	number, ok1 := digits(b[:first])
	attempt, ok2 := digits(b[first+1 : last])
	seq, ok3 := digits(b[last+1:])
	if !ok1 || !ok2 || !ok3 {
		return RowID{}, false
	}
	return RowID{Number: int(number), Attempt: int(attempt), Seq: seq}, true
}

func digits(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
