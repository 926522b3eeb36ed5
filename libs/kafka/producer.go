package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kslog"
	"golang.org/x/sync/semaphore"
)

// ErrOutcomeUnknown says that the broker was asked to commit a transaction and has not
// answered that it did: the records may have been written.
var ErrOutcomeUnknown = errors.New("whether the transaction was committed is not known")

// ErrFenced says that another owner has taken over the transactional id. The
// fenced owner must write nothing more with this id.
var ErrFenced = errors.New("fenced by another owner of the transactional id")

// ErrAborted says that a transaction was aborted because a record could not be
// produced, or because the client did not know that it was; nothing of it is
// visible. The transactor can begin another.
var ErrAborted = errors.New("transaction aborted")

// Producer is an idempotent producer without transactions: each call of Produce
// returns once all in-sync replicas have acknowledged its records. Each record
// names its Partition. Safe for concurrent use.
type Producer struct {
	client *kgo.Client

	// writing is held in part by each write under way, and whole while the client is made
	// to forget topics, which drops what is on its way to them.
	writing *semaphore.Weighted
	purges  map[string]int // by topic: how often the client was made to forget it
}

// whole is more than there are writes under way.
const whole = math.MaxInt64

// OpenProducer connects lazily: an unreachable broker shows at Produce.
func OpenProducer(cfg Config, deps Deps) (*Producer, error) {
	client, err := kgo.NewClient(append(base(cfg, deps), producing(cfg)...)...)
	if err != nil {
		return nil, fmt.Errorf("opening producer: %w", err)
	}
	return &Producer{client: client, writing: semaphore.NewWeighted(whole), purges: map[string]int{}}, nil
}

// Produce returns once every record is acknowledged, with their offsets set. On
// an error some may have been written.
func (p *Producer) Produce(ctx context.Context, records ...*Record) error {
	refused, before, err := p.produce(ctx, records)
	if len(refused) > 0 {
		if err = p.forget(ctx, refused, before); err == nil {
			_, _, err = p.produce(ctx, refused)
		}
	}
	if err != nil {
		return fmt.Errorf("producing to %s: %w", records[0].Topic, err)
	}
	return nil
}

// produce returns the first error, and if there is no other, the records whose topic was
// created again: none of these was written. before is how often each topic had been
// forgotten then.
func (p *Producer) produce(ctx context.Context, records []*Record) (refused []*Record, before map[string]int, err error) {
	if err := p.writing.Acquire(ctx, 1); err != nil {
		return nil, nil, err
	}
	defer p.writing.Release(1)
	before = map[string]int{}
	for _, r := range records {
		before[r.Topic] = p.purges[r.Topic]
	}
	for _, r := range p.client.ProduceSync(ctx, records...) {
		switch {
		case errors.Is(r.Err, kerr.UnknownTopicID):
			refused = append(refused, r.Record)
		case r.Err != nil:
			return nil, nil, r.Err
		}
	}
	if len(refused) > 0 {
		err = kerr.UnknownTopicID
	}
	return refused, before, err
}

// forget makes the client forget the topics of records that it has refused. It writes to no
// topic that was created again until then, and would need a restart. A topic that another
// caller has made it forget since this one began stays as it is.
func (p *Producer) forget(ctx context.Context, refused []*Record, before map[string]int) error {
	if err := p.writing.Acquire(ctx, whole); err != nil {
		return err
	}
	defer p.writing.Release(whole)
	var topics []string
	for _, r := range refused {
		if p.purges[r.Topic] == before[r.Topic] {
			topics = append(topics, r.Topic)
		}
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	p.client.PurgeTopicsFromProducing(topics...)
	for _, topic := range topics {
		p.purges[topic]++
	}
	return nil
}

// Close drops what is buffered and disconnects.
func (p *Producer) Close() { p.client.Close() }

// Transactor is a producer with a transactional id. One goroutine uses it.
type Transactor struct {
	client   *kgo.Client
	promises promises
	watch    *abortWatch
	first    bool
}

// OpenTransactor calls InitProducerID before it returns. This fences an older
// owner of the transactional id and aborts the transaction that the owner left
// open. A takeover must not read the log before that.
func OpenTransactor(ctx context.Context, cfg Config, deps Deps, id string) (*Transactor, error) {
	opts := append(base(cfg, deps), producing(cfg)...)
	watch := &abortWatch{Logger: kslog.New(quiet(deps.Log))}
	opts = append(opts, kgo.TransactionalID(cfg.Prefix+id), kgo.TransactionTimeout(cfg.TransactionTimeout), kgo.WithLogger(watch))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("opening transactor %s: %w", id, err)
	}
	_, epoch, err := client.ProducerID(ctx)
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("fencing older owners of %s: %w", id, fenced(err))
	}
	return &Transactor{client: client, watch: watch, first: epoch == 0}, nil
}

// First reports whether this is the first use of the transactional id that the brokers know
// of: they count its uses, and forget an id that nobody has used for a week.
func (t *Transactor) First() bool { return t.first }

// Begin starts a transaction.
func (t *Transactor) Begin() error {
	t.promises.reset()
	t.watch.aborted.Store(false)
	if err := t.client.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning transaction: %w", fenced(err))
	}
	return nil
}

// Produce adds records to the transaction. It blocks only while buffers are
// full; Commit reports whether they were written.
func (t *Transactor) Produce(records ...*Record) {
	promise := t.promises.note // one for all, not an allocation for each
	for _, r := range records {
		t.client.Produce(context.Background(), r, promise)
	}
}

// Commit makes the transaction visible as a whole. ErrAborted: a record was not
// produced, nothing is visible, Begin may follow. ErrFenced: stop. Any other
// error: close and open again; whether it was committed is unknown.
func (t *Transactor) Commit(ctx context.Context) error {
	if err := t.client.Flush(ctx); err != nil {
		return fmt.Errorf("flushing transaction: %w", err)
	}
	if err := t.promises.first(); err != nil {
		// franz-go would commit the records that succeeded. A transaction with a
		// record missing would make the counts wrong, so any failed produce aborts it.
		if abortErr := t.Abort(ctx); abortErr != nil {
			return errors.Join(abortErr, fenced(err))
		}
		return fmt.Errorf("%w: %w", ErrAborted, fenced(err))
	}
	if err := t.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing transaction: %w: %w", ErrOutcomeUnknown, fenced(err))
	}
	if t.watch.aborted.Load() {
		return fmt.Errorf("%w: the client did not know that its records were written", ErrAborted)
	}
	return nil
}

// Abort drops the transaction.
func (t *Transactor) Abort(ctx context.Context) error {
	if err := t.client.AbortBufferedRecords(ctx); err != nil {
		return fmt.Errorf("dropping buffered records: %w", err)
	}
	if err := t.client.EndTransaction(ctx, kgo.TryAbort); err != nil {
		return fmt.Errorf("aborting transaction: %w", fenced(err))
	}
	return nil
}

// Close disconnects. An open transaction stays open at the broker until its
// timeout or the next owner.
func (t *Transactor) Close() { t.client.Close() }

// fenced adds ErrFenced to the errors by which a broker refuses a fenced owner.
// InvalidTxnState is one of them: when the new owner has made the broker abort
// the old owner's transaction, the broker may answer that there is no
// transaction to end.
func fenced(err error) error {
	for _, f := range []*kerr.Error{kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidProducerIDMapping, kerr.InvalidTxnState} {
		if errors.Is(err, f) {
			return fmt.Errorf("%w: %w", ErrFenced, err)
		}
	}
	return err
}
