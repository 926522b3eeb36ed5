// Package shares counts, of a result, the shares of NULLs and of repeated identities that an
// import may bound.
package shares

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/rowjson"
)

// sharesFrom is how many rows, or identities, there must be before a share of them says
// anything.
const sharesFrom = 100

// maxIdentities is how many identities are counted one by one.
const maxIdentities = 1 << 20

// Shares counts NULLs and repeated identities. It is for one goroutine.
type Shares struct {
	nulls    []nulls
	identity int
	repeated *float64 // the limit, nil if identities are not counted
	rows     int64
	max      int

	// times counts identities by their hash. Once there are more than max, only those
	// whose hash is a multiple of the stride are kept: a sample in which each identity is
	// counted as often as it occurs.
	seed   maphash.Seed
	stride uint64
	times  map[uint64]uint8
	key    []byte
}

type nulls struct {
	column string
	at     int
	limit  float64
	found  int64
}

// New counts what limits name, nil if they name nothing. at finds a column of the
// result by its name.
func New(limits *schemas.HoldLimits, identity int, at func(name string) (int, bool)) (*Shares, error) {
	if limits == nil || len(limits.NullShare) == 0 && limits.RepeatedIdentities == nil {
		return nil, nil
	}
	s := &Shares{identity: identity, repeated: limits.RepeatedIdentities, max: maxIdentities, seed: maphash.MakeSeed(), stride: 1, times: map[uint64]uint8{}}
	for _, name := range slices.Sorted(maps.Keys(limits.NullShare)) {
		i, ok := at(name)
		if !ok {
			return nil, fmt.Errorf("limits.hold.nullShare names %s, which is no column of the query", name)
		}
		s.nulls = append(s.nulls, nulls{column: name, at: i, limit: limits.NullShare[name]})
	}
	return s, nil
}

// Add counts a row.
func (s *Shares) Add(row *rowjson.Row) {
	s.rows++
	for i := range s.nulls {
		if row.Null(s.nulls[i].at) {
			s.nulls[i].found++
		}
	}
	if s.repeated != nil && !row.Null(s.identity) {
		s.key = mapping.IdentityKey(s.key[:0], row.Value(s.identity))
		if identity := bytes.TrimSpace(s.key); len(identity) > 0 {
			s.addIdentity(maphash.Bytes(s.seed, identity))
		}
	}
}

func (s *Shares) addIdentity(hash uint64) {
	if hash%s.stride != 0 {
		return
	}
	s.times[hash] = min(s.times[hash]+1, 2)
	if len(s.times) > s.max {
		s.stride *= 2
		maps.DeleteFunc(s.times, func(hash uint64, _ uint8) bool { return hash%s.stride != 0 })
	}
}

// Figures returns the shares that are beyond their limit, the largest excess first.
func (s *Shares) Figures() []schemas.HoldFigure {
	if s == nil {
		return nil
	}
	var out []schemas.HoldFigure
	for _, n := range s.nulls {
		if found := float64(n.found) / float64(max(s.rows, 1)); s.rows >= sharesFrom && found > n.limit {
			out = append(out, schemas.HoldFigure{
				Code: schemas.HoldNulls, Column: n.column, Found: found, Limit: n.limit,
				Reason: fmt.Sprintf("%s is NULL in %s of the rows and limits.hold.nullShare is %s", n.column, percent(found), percent(n.limit)),
			})
		}
	}
	slices.SortStableFunc(out, func(a, b schemas.HoldFigure) int { return cmp.Compare(b.Found-b.Limit, a.Found-a.Limit) })
	if s.repeated == nil || len(s.times) < sharesFrom {
		return out
	}
	twice := 0
	for _, n := range s.times {
		if n > 1 {
			twice++
		}
	}
	if found := float64(twice) / float64(len(s.times)); found > *s.repeated {
		out = append(out, schemas.HoldFigure{
			Code: schemas.HoldIdentitiesRepeat, Found: found, Limit: *s.repeated,
			Reason: fmt.Sprintf("%s of the identities occur more than once and limits.hold.repeatedIdentities is %s", percent(found), percent(*s.repeated)),
		})
	}
	return out
}

func percent(share float64) string { return strconv.FormatFloat(share*100, 'f', 2, 64) + " %" }
