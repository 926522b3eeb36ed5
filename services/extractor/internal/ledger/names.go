package ledger

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// root begins every key. A value is named by everything that decides what it
// means: ledger/<deployment>/<import>/<epoch>/<number>.<attempt>:<chunk>. Two
// deployments that share a Redis and apply one definition have runs of the same
// numbers, and so does an import that is deleted and created again under its name.
const root = schemas.LedgerRoot

// attempt names the ledger of one attempt of a run.
type attempt struct {
	importName             string
	names                  int // see schemas.LedgerRef
	epoch, number, attempt int
}

func attemptOf(importName string, ref schemas.LedgerRef) attempt {
	return attempt{importName: importName, names: ref.Names, epoch: ref.Epoch, number: ref.Number, attempt: ref.Attempt}
}

// prefix begins the keys of the attempt's values. A ledger that an earlier
// version left is read under its old name by the one run that follows it.
func (a attempt) prefix() string {
	run := strconv.Itoa(a.number) + "." + strconv.Itoa(a.attempt)
	if a.names < schemas.LedgerNames {
		return oldPrefix(a.importName) + run + ":"
	}
	return importPrefix(a.importName) + strconv.Itoa(a.epoch) + "/" + run + ":"
}

func (a attempt) chunk(index int) string { return a.prefix() + strconv.Itoa(index) }

// counts lies beside the attempt's values, and is swept with them.
func (a attempt) counts(name string) string { return a.prefix() + "counts:" + name }

// importPrefix begins the keys of an import's values, and oldPrefix those that
// earlier versions wrote.
func importPrefix(importName string) string { return root + importName + "/" }
func oldPrefix(importName string) string    { return schemas.FormerLedgerRoot + importName + ":" }

// Within returns a store that keeps one deployment's ledgers apart from every
// other's. The deployment is asked for when it is needed, and may fail as Redis
// may: rows are sent again then.
func Within(store Store, deployment func(context.Context) (string, error)) Store {
	return &deploymentStore{store: store, deployment: deployment}
}

type deploymentStore struct {
	store      Store
	deployment func(context.Context) (string, error)
}

// full puts the deployment into the names of keys.
func (w *deploymentStore) full(ctx context.Context, keys ...string) ([]string, error) {
	deployment, err := w.deployment(ctx)
	if err != nil {
		return nil, err
	}
	full := make([]string, len(keys))
	for i, key := range keys {
		full[i] = key
		if rest, ok := strings.CutPrefix(key, root); ok {
			full[i] = root + deployment + "/" + rest
		}
	}
	return full, nil
}

func (w *deploymentStore) MGet(ctx context.Context, keys ...string) ([][]byte, error) {
	full, err := w.full(ctx, keys...)
	if err != nil {
		return nil, err
	}
	return w.store.MGet(ctx, full...)
}

func (w *deploymentStore) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	full, err := w.full(ctx, key)
	if err != nil {
		return err
	}
	return w.store.Set(ctx, full[0], value, ttl)
}

func (w *deploymentStore) Del(ctx context.Context, keys ...string) error {
	full, err := w.full(ctx, keys...)
	if err != nil {
		return err
	}
	return w.store.Del(ctx, full...)
}

func (w *deploymentStore) Scan(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		full, err := w.full(ctx, prefix)
		if err != nil {
			yield("", err)
			return
		}
		for key, err := range w.store.Scan(ctx, full[0]) {
			if !yield(prefix+strings.TrimPrefix(key, full[0]), err) {
				return
			}
		}
	}
}
