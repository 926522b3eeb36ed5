// Package sums compares what Snowflake has counted and summed of an import's rows at two
// times, and tells which rows have come and which have left. It does no I/O.
//
// Each row has a hash of 64 bits. The rows are grouped by day, and in three further ways by
// twelve bits of the hash, other ones each time. Of each group there are the number of rows,
// the sum of their hashes, and the sum of the squares of some bits of these, which tells a
// row from several whose sum only looks like one. If one row has come to a group, the difference of its sums is
// that row's hash; taken out of its groups of the other two ways, it leaves fewer rows in
// those, and so on until nothing is left (an invertible Bloom lookup table). About nine
// thousand rows that differ can be told in this way, whatever the size of the table.
package sums

import "math/big"

// The ways of grouping. A row's key in one of the last three is its hash with all but some
// bits cleared.
const (
	ByDay = iota
	ByLow
	ByMiddle
	ByHigh
	Ways
)

// Masks are the bits of a hash that are its key in ByLow, ByMiddle and ByHigh.
var Masks = [Ways]int64{ByLow: 0xfff, ByMiddle: 0xfff << 12, ByHigh: 0xfff << 24}

// Key names a group.
type Key struct {
	Way int
	Key int64
}

// SquareMask are the bits of a hash whose square is summed.
const SquareMask = 1<<31 - 1

// Sum is what is known of a group.
type Sum struct {
	Rows   int64
	Hash   *big.Int // the sum of the rows' hashes
	Square *big.Int // the sum of the squares of their bits in SquareMask
}

// Of is the Sum of so many rows with a hash.
func Of(hash, times int64) Sum {
	bits, n := big.NewInt(hash&SquareMask), big.NewInt(times)
	return Sum{times, new(big.Int).Mul(n, big.NewInt(hash)), bits.Mul(bits, bits).Mul(bits, n)}
}

func (s Sum) zero() bool { return s.Rows == 0 && s.Hash.Sign() == 0 && s.Square.Sign() == 0 }

func (s Sum) minus() Sum {
	return Sum{-s.Rows, new(big.Int).Neg(s.Hash), new(big.Int).Neg(s.Square)}
}

// Sums are the groups that have rows.
type Sums map[Key]Sum

// Add adds to a group.
func (s Sums) Add(k Key, more Sum) {
	if sum, ok := s[k]; ok {
		more = Sum{sum.Rows + more.Rows, new(big.Int).Add(sum.Hash, more.Hash), new(big.Int).Add(sum.Square, more.Square)}
	}
	s[k] = more
}

// Minus are the groups in which two Sums differ.
func (s Sums) Minus(before Sums) Sums {
	out := Sums{}
	for k, sum := range s {
		out.Add(k, sum)
	}
	for k, sum := range before {
		out.Add(k, sum.minus())
	}
	for k, sum := range out {
		if sum.zero() {
			delete(out, k)
		}
	}
	return out
}

// Rows are hashes and how many rows have each.
type Rows map[int64]int64

// Len is how many rows there are.
func (r Rows) Len() (n int64) {
	for _, times := range r {
		n += times
	}
	return n
}

// Told tells from the difference of two Sums which rows have come and which have left. ok
// is false if there are too many. It empties the groups of the difference but those by day.
func Told(difference Sums) (came, left Rows, ok bool) {
	came, left = Rows{}, Rows{}
	work := make([]Key, 0, len(difference))
	for k := range difference {
		if k.Way != ByDay {
			work = append(work, k)
		}
	}
	// Each row that is told empties a group. A mistaken one could go on for ever.
	for steps := 0; len(work) > 0 && steps < 1<<20; steps++ {
		k := work[len(work)-1]
		work = work[:len(work)-1]
		hash, times, alone := difference.alone(k)
		if !alone {
			continue
		}
		for way := ByLow; way < Ways; way++ {
			at := Key{way, hash & Masks[way]}
			difference.Add(at, Of(hash, -times))
			if difference[at].zero() {
				delete(difference, at)
				continue
			}
			work = append(work, at)
		}
		add(came, left, hash, times)
	}
	for k := range difference {
		if k.Way != ByDay {
			return nil, nil, false
		}
	}
	return came, left, true
}

// alone reports whether a group differs by rows of one hash only.
func (s Sums) alone(k Key) (hash, times int64, ok bool) {
	sum, differs := s[k]
	if !differs || sum.Rows == 0 {
		return 0, 0, false
	}
	quotient, rest := new(big.Int).QuoRem(sum.Hash, big.NewInt(sum.Rows), new(big.Int))
	if rest.Sign() != 0 || !quotient.IsInt64() || quotient.Int64()&Masks[k.Way] != k.Key {
		return 0, 0, false
	}
	return quotient.Int64(), sum.Rows, Of(quotient.Int64(), sum.Rows).Square.Cmp(sum.Square) == 0
}

// add notes rows that have come, or left if times is negative.
func add(came, left Rows, hash, times int64) {
	net := came[hash] - left[hash] + times
	delete(came, hash)
	delete(left, hash)
	switch {
	case net > 0:
		came[hash] = net
	case net < 0:
		left[hash] = -net
	}
}
