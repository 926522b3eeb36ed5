package partition

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/libs/kafka"
)

const (
	// hiddenEvery is how many ticks pass between two looks for open transactions.
	hiddenEvery = 20
	// hiddenLooks is how many looks in a row must find the same transaction before a
	// warning is logged. The transactions of services end sooner.
	hiddenLooks = 3
)

// hidden is what is known of transactions that hide records of the followed topics.
type hidden struct {
	lookedAt time.Time
	open     map[kafka.TP]openTransaction
}

type openTransaction struct {
	offset int64
	looks  int
}

// lookForOpenTransactions warns of a followed topic that cannot be read further because
// a transaction stays open in it. Commands and reports behind it, of every import of
// the partition, wait until it ends, and nothing else would say why.
func (t *term) lookForOpenTransactions(ctx context.Context, now time.Time) {
	if now.Sub(t.hidden.lookedAt) < hiddenEvery*t.cfg.Tick {
		return
	}
	t.hidden.lookedAt = now
	found, err := t.deps.Reader.Hidden(ctx, t.topics.Reports(), t.topics.Commands(), t.topics.Imports())
	if err != nil {
		t.log.WarnContext(ctx, "looking for open transactions failed", slog.Any("error", err))
		return
	}
	open := map[kafka.TP]openTransaction{}
	for tp, offset := range found {
		if tp.Partition != t.partition {
			continue
		}
		o := openTransaction{offset, 1}
		if before, ok := t.hidden.open[tp]; ok && before.offset == offset {
			o.looks += before.looks
		}
		if o.looks == hiddenLooks {
			t.log.WarnContext(ctx, "an open transaction hides records: the partition's imports wait until it ends or times out",
				slog.String("topic", tp.Topic), slog.Int64("offset", offset))
		}
		open[tp] = o
	}
	for tp, before := range t.hidden.open {
		if now, still := open[tp]; before.looks >= hiddenLooks && (!still || now.offset != before.offset) {
			t.log.InfoContext(ctx, "the open transaction has ended", slog.String("topic", tp.Topic), slog.Int64("offset", before.offset))
		}
	}
	t.hidden.open = open
}
