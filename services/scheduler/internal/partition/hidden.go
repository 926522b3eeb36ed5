package partition

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/services/scheduler/internal/signals"
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
	since  time.Time // when it was first seen
}

// lookForOpenTransactions says of a followed topic that it cannot be read further because
// a transaction stays open in it: in the log, in the metrics and in the partition's active
// runs. Commands and reports behind it, of every import of the partition, wait until it
// ends, and nothing else would say why.
func (t *term) lookForOpenTransactions(ctx context.Context, now time.Time) {
	if now.Sub(t.hidden.lookedAt) < hiddenEvery*t.cfg.Tick {
		return
	}
	t.hidden.lookedAt = now
	topics := []string{t.topics.Reports(), t.topics.Commands(), t.topics.Imports()}
	found, err := t.deps.Reader.Gaps(ctx, topics...)
	if err != nil {
		t.log.WarnContext(ctx, "looking for open transactions failed", slog.Any("error", err))
		return
	}
	open, gaps := map[kafka.TP]openTransaction{}, map[string]signals.Hidden{}
	for _, topic := range topics {
		tp := t.tp(topic)
		gap, hides := found[tp]
		if !hides {
			gaps[topic] = signals.Hidden{}
			continue
		}
		o := t.seen(ctx, tp, gap.Stable, now)
		open[tp], gaps[topic] = o, signals.Hidden{Records: gap.End - gap.Stable, Since: o.since}
	}
	for tp, before := range t.hidden.open {
		if now, still := open[tp]; before.looks >= hiddenLooks && (!still || now.offset != before.offset) {
			t.log.InfoContext(ctx, "the open transaction has ended", slog.String("topic", tp.Topic), slog.Int64("offset", before.offset))
		}
	}
	t.hidden.open = open
	t.deps.Board.Hide(t.partition, gaps)
	if o := open[t.tp(t.topics.Reports())]; o.looks >= hiddenLooks {
		t.book.ReportsHidden(t.topics.Reports(), o.since, now)
	} else {
		t.book.ReportsVisible(now)
	}
}

// seen counts the look at a transaction, and warns once it has been open for long.
func (t *term) seen(ctx context.Context, tp kafka.TP, offset int64, now time.Time) openTransaction {
	o := openTransaction{offset: offset, looks: 1, since: now}
	if before, ok := t.hidden.open[tp]; ok && before.offset == offset {
		o.looks, o.since = before.looks+1, before.since
	}
	if o.looks == hiddenLooks {
		t.log.WarnContext(ctx, "an open transaction hides records: the partition's imports wait until it ends or times out",
			slog.String("topic", tp.Topic), slog.Int64("offset", offset), slog.Time("since", o.since))
	}
	return o
}
