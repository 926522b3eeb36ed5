package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// readTimeout bounds writtenAt: an open transaction may hide a record.
const readTimeout = time.Second

// gap are the offsets of a partition that a group has not committed.
type gap struct{ from, end int64 }

// writtenAt tells of each partition when the first record of its gap was written; found is
// false if the gap holds only markers of transactions. What an open transaction hides for
// longer than readTimeout is left out.
func (r *Reader) writtenAt(ctx context.Context, gaps map[TP]gap, tell func(tp TP, at time.Time, found bool)) error {
	if len(gaps) == 0 {
		return nil
	}
	from := make(map[TP]int64, len(gaps))
	for tp, g := range gaps {
		from[tp] = g.from
	}
	// One record of each partition is wanted, and not all that wait in it.
	tail, err := openTail(r.cfg, r.deps, from, kgo.KeepControlRecords(), kgo.FetchMaxBytes(4<<20))
	if err != nil {
		return err
	}
	defer tail.Close()
	round, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for len(from) > 0 {
		records, err := tail.Poll(round, 10_000)
		if round.Err() != nil {
			return ctx.Err()
		}
		var over []TP
		if failed, ok := errors.AsType[*FetchError](err); ok {
			over = append(over, failed.TP) // the others are read all the same
		} else if err != nil {
			return fmt.Errorf("reading what was not committed: %w", err)
		}
		for _, rec := range records {
			tp := TP{rec.Topic, rec.Partition}
			if _, asked := from[tp]; !asked {
				continue
			}
			found := !rec.Attrs.IsControl() && rec.Offset < gaps[tp].end
			if !found && rec.Offset+1 < gaps[tp].end {
				continue // a marker, and more follows
			}
			over = append(over, tp)
			delete(from, tp)
			tell(tp, rec.Timestamp, found)
		}
		for _, tp := range over {
			delete(from, tp)
		}
		if len(over) > 0 && len(from) > 0 {
			tail.Remove(over...)
		}
	}
	return nil
}
