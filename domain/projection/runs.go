package projection

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// Query selects runs; the zero value of a field selects all.
type Query struct {
	Import string
	State  string
	Dry    bool // dry runs in place of runs
	// Match chooses among them; nil chooses all.
	Match func(schemas.Run) bool
	// Limit is the size of a page, Token the NextToken of the page before.
	Limit int
	Token string
}

func (q Query) matches(r schemas.Run) bool {
	return (q.State == "" || r.State == q.State) && (q.Match == nil || q.Match(r))
}

// Page is a page of runs, newest first. NextToken is "" at the end.
type Page struct {
	Runs      []schemas.Run
	NextToken string
}

// ErrToken marks a page token that Runs has not returned.
var ErrToken = fmt.Errorf("unknown page token")

// place is a run's place in the order of a listing: by score, then by name, both
// descending. A token names the place of the last run of a page, so that runs which
// begin or end meanwhile shift nothing.
type place struct {
	score float64
	name  string
}

func (p place) before(o place) bool {
	return p.score > o.score || p.score == o.score && p.name > o.name
}

func (p place) token() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatFloat(p.score, 'f', -1, 64) + " " + p.name))
}

// start is the place before every run.
var start = place{score: math.Inf(1)}

func parseToken(token string) (place, error) {
	if token == "" {
		return start, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	score, name, ok := strings.Cut(string(raw), " ")
	if err != nil || !ok || name == "" {
		return place{}, fmt.Errorf("%w: %q", ErrToken, token)
	}
	at, err := strconv.ParseFloat(score, 64)
	if err != nil || math.IsNaN(at) || math.IsInf(at, 0) {
		return place{}, fmt.Errorf("%w: %q", ErrToken, token)
	}
	return place{at, name}, nil
}

// Runs returns a page of runs.
func (r *Reader) Runs(ctx context.Context, q Query) (Page, error) {
	from, err := parseToken(q.Token)
	if err != nil {
		return Page{}, err
	}
	key := runsOf(q.Dry, q.Import)
	var out Page
	var last place
	for offset := 0; ; {
		members, err := r.store.ZDescending(ctx, key, from.score, offset, page)
		if err != nil || len(members) == 0 {
			return out, err
		}
		offset += len(members)
		places := map[string]place{}
		var names []string
		for _, m := range members {
			if at := (place{m.Score, m.Member}); from.before(at) {
				places[m.Member], names = at, append(names, m.Member)
			}
		}
		runs, err := r.Named(ctx, names)
		if err != nil {
			return Page{}, err
		}
		for _, run := range runs {
			if !q.matches(run) {
				continue
			}
			if len(out.Runs) == q.Limit {
				out.NextToken = last.token()
				return out, nil
			}
			out.Runs, last = append(out.Runs, run), places[run.Run]
		}
	}
}

// PageOf returns the page of runs that Reader.Runs would return if Redis held exactly
// these. A token of either works for the other.
func PageOf(runs []schemas.Run, q Query) (Page, error) {
	from, err := parseToken(q.Token)
	if err != nil {
		return Page{}, err
	}
	at := func(r schemas.Run) place {
		if q.Import == "" {
			return place{runScore(r), r.Run}
		}
		_, number, _ := schemas.ParseRunID(r.Run) // one that has no number comes last
		return place{float64(number), r.Run}
	}
	runs = slices.SortedFunc(slices.Values(runs), func(x, y schemas.Run) int {
		a, b := at(x), at(y)
		return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(b.name, a.name))
	})
	var out Page
	for _, r := range runs {
		if schemas.IsDryRun(r.Run) != q.Dry || q.Import != "" && r.Import != q.Import || !from.before(at(r)) || !q.matches(r) {
			continue
		}
		if len(out.Runs) == q.Limit {
			out.NextToken = at(out.Runs[len(out.Runs)-1]).token()
			return out, nil
		}
		out.Runs = append(out.Runs, r)
	}
	return out, nil
}
