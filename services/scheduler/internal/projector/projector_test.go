package projector

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

// rig is a Redis and a log of run events that several owners share.
type rig struct {
	t     *testing.T
	store *hooked
	log   []schemas.Run
	reads []int64 // offsets that owners have read from
}

// hooked runs a function once before a hash is written or after a swap.
type hooked struct {
	*redis.Client
	beforeHash func()
	afterSwap  func() error
}

func (h *hooked) HSetAll(ctx context.Context, key string, fields map[string]string, ttl time.Duration) error {
	if fn := h.beforeHash; fn != nil {
		h.beforeHash = nil
		fn()
	}
	return h.Client.HSetAll(ctx, key, fields, ttl)
}

func (h *hooked) Swap(ctx context.Context, key, old, value string) (bool, error) {
	ok, err := h.Client.Swap(ctx, key, old, value)
	if fn := h.afterSwap; fn != nil {
		h.afterSwap = nil
		return false, fn()
	}
	return ok, err
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, store: &hooked{Client: redistest.New(t).Client(t)}}
}

func (r *rig) owner(name string) *Projector {
	return New(Config{WriterID: name, Every: time.Second}, Deps{
		Writer: projection.NewWriter(r.store), Log: slog.New(slog.DiscardHandler),
		ReadRuns: func(_ context.Context, from int64, fn func(schemas.Run)) (int64, error) {
			r.reads = append(r.reads, from)
			end := int64(len(r.log))
			if from > end {
				from = 0
			}
			for _, run := range r.log[from:] {
				fn(run)
			}
			return end, nil
		},
	})
}

// commit appends an event to the log.
func (r *rig) commit(state string) schemas.Run {
	run := schemas.Run{Run: "customers.1", Import: "customers", State: state, StartedAt: time.Now().UTC()}
	r.log = append(r.log, run)
	return run
}

func (r *rig) sync(p *Projector) {
	r.t.Helper()
	if err := p.writePending(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) shows(state string, offset int64) {
	r.t.Helper()
	run, _, err := projection.NewReader(r.store).Run(r.t.Context(), "customers.1")
	if err != nil || run.State != state {
		r.t.Errorf("Redis shows %q, %v, want %q", run.State, err, state)
	}
	upto, err := projection.NewWriter(r.store).Progress(r.t.Context(), 0)
	if err != nil || upto.Offset != offset {
		r.t.Errorf("Redis goes up to %d, %v, want %d", upto.Offset, err, offset)
	}
}

func TestAFencedOwnerWritesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	older, newer := r.owner("older"), r.owner("newer")
	first := r.commit(schemas.StateExtracting)
	older.Put([]schemas.Run{first}, nil, 1)
	r.sync(older)
	r.shows(schemas.StateExtracting, 1)
	r.commit(schemas.StateSucceeded)
	r.sync(newer)
	r.shows(schemas.StateSucceeded, 2)
	older.Put([]schemas.Run{first}, nil, 1)
	r.sync(older)
	r.shows(schemas.StateSucceeded, 2)
	if last := r.reads[len(r.reads)-1]; last != 1 {
		t.Errorf("the newer owner has read from %d, want 1", last)
	}
}

func TestAnOwnerThatIsFencedWhileItWrites(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	older, newer := r.owner("older"), r.owner("newer")
	first := r.commit(schemas.StateExtracting)
	r.sync(older)
	older.Put([]schemas.Run{first}, nil, 1)
	r.store.beforeHash = func() {
		r.commit(schemas.StateSucceeded)
		r.sync(newer)
	}
	r.sync(older)
	r.shows(schemas.StateExtracting, 2) // the older value is the last; what was noted stays
	r.sync(older)
	r.sync(newer)
	r.shows(schemas.StateSucceeded, 2)
}

func TestALostAnswerCostsNoRewrite(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.owner("one")
	r.commit(schemas.StateExtracting)
	r.sync(p)
	p.Put([]schemas.Run{r.commit(schemas.StateLoading)}, nil, 2)
	lost := errors.New("connection reset")
	r.store.afterSwap = func() error { return lost }
	if err := p.writePending(t.Context()); !errors.Is(err, lost) {
		t.Fatalf("sync() = %v", err)
	}
	r.sync(p)
	p.Put([]schemas.Run{r.commit(schemas.StateSucceeded)}, nil, 3)
	r.sync(p)
	r.shows(schemas.StateSucceeded, 3)
	if len(r.reads) != 1 {
		t.Errorf("the log was read from %v, want once", r.reads)
	}
}

// TestARecreatedLog: the offsets in Redis are of a topic that is gone.
func TestARecreatedLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 5 {
		r.commit(schemas.StateExtracting)
	}
	r.sync(r.owner("older"))
	r.log = nil
	r.commit(schemas.StateLoading)
	p := r.owner("newer")
	r.sync(p)
	r.shows(schemas.StateLoading, 1)
	p.Put([]schemas.Run{r.commit(schemas.StateSucceeded)}, nil, 2)
	r.sync(p)
	r.shows(schemas.StateSucceeded, 2)
}
