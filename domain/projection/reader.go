package projection

import (
	"context"
	"fmt"
	"strconv"

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

// Query selects runs; the zero value of a field selects all.
type Query struct {
	Import string
	State  string
	Dry    bool // dry runs in place of runs
	// Limit is the size of a page, Token the NextToken of the page before.
	Limit int
	Token string
}

// Page is a page of runs, newest first. NextToken is "" at the end.
type Page struct {
	Runs      []schemas.Run
	NextToken string
}

// Runs returns a page of runs. Runs that begin while a listing is paged through
// move the others back, so that a page may show a run again, but none is missed.
func (r *Reader) Runs(ctx context.Context, q Query) (Page, error) {
	offset := 0
	if q.Token != "" {
		n, err := strconv.Atoi(q.Token)
		if err != nil || n < 0 {
			return Page{}, fmt.Errorf("%w: %q", ErrToken, q.Token)
		}
		offset = n
	}
	key := runsOf(q.Dry, q.Import)
	var out Page
	for {
		names, err := r.store.ZRange(ctx, key, offset, page, true)
		if err != nil || len(names) == 0 {
			return out, err
		}
		runs, err := r.runs(ctx, names)
		if err != nil {
			return Page{}, err
		}
		byName := make(map[string]schemas.Run, len(runs))
		for _, run := range runs {
			byName[run.Run] = run
		}
		for i, name := range names {
			run, ok := byName[name]
			if !ok || (q.State != "" && run.State != q.State) {
				continue
			}
			if len(out.Runs) == q.Limit {
				out.NextToken = strconv.Itoa(offset + i)
				return out, nil
			}
			out.Runs = append(out.Runs, run)
		}
		offset += len(names)
	}
}

// ErrToken marks a page token that no page has handed out.
var ErrToken = fmt.Errorf("unknown page token")

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
