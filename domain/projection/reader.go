package projection

import (
	"context"
	"fmt"

	"tapline.dev/schemas"
)

// page bounds how many members of an index are looked up at once.
const page = 200

// maxImports bounds a listing.
const maxImports = 100_000

// Reader reads runs and listings.
type Reader struct {
	store ReadStore
}

// NewReader returns a reader of the store.
func NewReader(store ReadStore) *Reader { return &Reader{store: store} }

// Run returns one run, and false if the projection has none of that name.
func (r *Reader) Run(ctx context.Context, run string) (schemas.Run, bool, error) {
	runs, err := r.runs(ctx, []string{run})
	if err != nil || len(runs) == 0 {
		return schemas.Run{}, false, err
	}
	return runs[0], true, nil
}

// Named returns those of the named runs that exist.
func (r *Reader) Named(ctx context.Context, names []string) ([]schemas.Run, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return r.runs(ctx, names)
}

// Listing returns one import, and false if the projection has none of that name.
func (r *Reader) Listing(ctx context.Context, importName string) (schemas.Listing, bool, error) {
	all, err := r.listings(ctx, []string{importName})
	if err != nil || len(all) == 0 {
		return schemas.Listing{}, false, err
	}
	return all[0], true, nil
}

// Listings returns every import in the order of their names.
func (r *Reader) Listings(ctx context.Context) ([]schemas.Listing, error) {
	names, err := r.store.ZRange(ctx, importsKey, 0, maxImports, false)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	return r.listings(ctx, names)
}

func (r *Reader) runs(ctx context.Context, names []string) ([]schemas.Run, error) {
	return read[schemas.Run](ctx, r.store, names, RunKey)
}

func (r *Reader) listings(ctx context.Context, names []string) ([]schemas.Listing, error) {
	return read[schemas.Listing](ctx, r.store, names, ImportKey)
}

func read[T any](ctx context.Context, store ReadStore, names []string, key func(string) string) ([]T, error) {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = key(name)
	}
	hashes, err := store.HGetAllOf(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var out []T
	for i, fields := range hashes {
		if len(fields) == 0 {
			continue
		}
		var v T
		if err := Decode(fields, &v); err != nil {
			return nil, fmt.Errorf("reading %s: %w", names[i], err)
		}
		out = append(out, v)
	}
	return out, nil
}
