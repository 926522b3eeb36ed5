package schemas

import (
	"fmt"
	"strconv"
	"strings"
)

// RejectRef names a reject by where it lies in the rejects topic. Its text is
// <partition>-<offset>, such as 3-18273.
type RejectRef struct {
	Partition int32
	Offset    int64
}

func (r RejectRef) String() string {
	return strconv.FormatInt(int64(r.Partition), 10) + "-" + strconv.FormatInt(r.Offset, 10)
}

// ParseRejectRef reads the text of a RejectRef. It takes one spelling of each only,
// so that two texts never name the same reject.
func ParseRejectRef(text string) (RejectRef, error) {
	p, o, ok := strings.Cut(text, "-")
	partition, err := strconv.ParseInt(p, 10, 32)
	offset, errOffset := strconv.ParseInt(o, 10, 64)
	ref := RejectRef{Partition: int32(partition), Offset: offset} //nolint:gosec // ParseInt has bounded it to 32 bits
	if !ok || err != nil || errOffset != nil || partition < 0 || offset < 0 || ref.String() != text {
		return RejectRef{}, fmt.Errorf("%q does not name a reject: it is <partition>-<offset>, such as 3-18273", text)
	}
	return ref, nil
}

// ReplayOf reads the header of a row or record that a replay sends; nil if there is none.
func ReplayOf(header []byte) *RejectRef {
	ref, err := ParseRejectRef(string(header))
	if err != nil {
		return nil
	}
	return &ref
}

// ParseClock reads the header of an event's time; 0 if there is none.
func ParseClock(header []byte) int64 {
	if len(header) == 0 {
		return 0 // of nearly every row: the error of ParseInt would cost each an allocation
	}
	seconds, err := strconv.ParseInt(string(header), 10, 64)
	if err != nil {
		return 0
	}
	return seconds
}

// MarshalText makes a RejectRef its text in JSON.
func (r RejectRef) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the text of a RejectRef.
func (r *RejectRef) UnmarshalText(text []byte) error {
	ref, err := ParseRejectRef(string(text))
	if err != nil {
		return err
	}
	*r = ref
	return nil
}
