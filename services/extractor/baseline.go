package extractor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/sums"
)

// perPart is how many groups one record of a baseline holds: about 400 kB.
const perPart = 5000

// sum runs the statement of the sums: those of the rows below earlier, and of all.
func (y *reconcile) sum(ctx context.Context, src source, p *plan.Plan, r *plan.Reader, earlier, below string) (old, all sums.Sums, err error) {
	stmt, err := p.Sums(r, masks(), sums.SquareMask, earlier, below)
	if err != nil {
		return nil, nil, err
	}
	res, err := src.Query(ctx, stmt, nil)
	if err != nil {
		return nil, nil, err
	}
	decoder, err := rowjson.NewDecoder(res.Columns(), len(res.Columns()))
	if err != nil || len(res.Columns()) != sums.Ways+4 {
		return nil, nil, failure.Permanent(failure.CodeCursorInvalid, "the rows cannot be counted by their cursor")
	}
	old, all = sums.Sums{}, sums.Sums{}
	for i := range res.Chunks() {
		data, err := res.Chunk(ctx, i)
		if err != nil {
			return nil, nil, err
		}
		_, err = decoder.Rows(data, func(row *rowjson.Row) (bool, error) {
			return true, addGroup(old, all, row)
		})
		if err != nil {
			return nil, nil, failure.Permanent(failure.CodeResultUnreadable, "chunk %d of the sums cannot be read", i)
		}
	}
	return old, all, nil
}

// addGroup takes in a row of the sums: whether it is of old rows, its key in the one of the
// ways that it belongs to, and its figures.
func addGroup(old, all sums.Sums, row *rowjson.Row) error {
	n, err := strconv.ParseInt(string(row.Value(sums.Ways+1)), 10, 64)
	if err != nil {
		return err
	}
	hash, okHash := new(big.Int).SetString(string(row.Value(sums.Ways+2)), 10)
	square, okSquare := new(big.Int).SetString(string(row.Value(sums.Ways+3)), 10)
	if !okHash || !okSquare {
		return fmt.Errorf("a sum of hashes is no number")
	}
	for way := range sums.Ways {
		if row.Null(1 + way) {
			continue
		}
		key, err := strconv.ParseInt(string(row.Value(1+way)), 10, 64)
		if err != nil {
			return err
		}
		k, sum := sums.Key{Way: way, Key: key}, sums.Sum{Rows: n, Hash: hash, Square: square}
		all.Add(k, sum)
		if string(row.Value(0)) == "1" {
			old.Add(k, sum)
		}
		return nil
	}
	return fmt.Errorf("a group has no key")
}

// baselineRecords are the parts of a baseline, and tombstones for stale keys.
func baselineRecords(topics schemas.Topics, importName string, ref schemas.BaselineRef, all sums.Sums, stale []string) ([]*kafka.Record, int, error) {
	var parts []schemas.Baseline
	for k, sum := range all {
		if n := len(parts); n == 0 || len(parts[n-1].Keys) == perPart {
			parts = append(parts, schemas.Baseline{Import: importName, Number: ref.Number, Attempt: ref.Attempt, Part: n, Ways: []int{}, Keys: []int64{}, Rows: []int64{}, Sums: []string{}, Squares: []string{}})
		}
		b := &parts[len(parts)-1]
		b.Ways, b.Keys, b.Rows = append(b.Ways, k.Way), append(b.Keys, k.Key), append(b.Rows, sum.Rows)
		b.Sums, b.Squares = append(b.Sums, sum.Hash.String()), append(b.Squares, sum.Square.String())
	}
	records := make([]*kafka.Record, 0, len(parts)+len(stale))
	for _, key := range stale {
		if !ownPart(key, importName, ref.Number) { // a part of an earlier attempt is written over
			records = append(records, control.Tombstone(topics.Baselines(), importName, key))
		}
	}
	for _, b := range parts {
		b.Parts = len(parts)
		rec, err := control.Record(topics.Baselines(), importName, schemas.BaselineKey(importName, ref.Number, b.Part), b, schemas.EventBaseline, "extractor")
		if err != nil {
			return nil, 0, failure.Permanent(failure.CodeResultUnreadable, "the baseline cannot be written as JSON")
		}
		records = append(records, rec)
	}
	return records, len(parts), nil
}

func ownPart(key, importName string, number int) bool {
	return strings.HasPrefix(key, importName+"/"+strconv.Itoa(number)+"/")
}

// readBaseline reads the import's baseline from the log; nil if there is none, or a part of
// it is not there. The keys of others are stale.
func readBaseline(ctx context.Context, reader *kafka.Reader, topics schemas.Topics, importName string, ref *schemas.BaselineRef) (found sums.Sums, stale []string, err error) {
	tp := kafka.TP{Topic: topics.Baselines(), Partition: schemas.ControlPartition(importName)}
	parts, others := map[int]schemas.Baseline{}, map[string]bool{}
	_, err = reader.ReadTo(ctx, tp, 0, func(rec *kafka.Record) error {
		var b schemas.Baseline
		if schemas.ImportOfBaseline(string(rec.Key)) != importName {
			return nil
		}
		delete(others, string(rec.Key))
		if len(rec.Value) == 0 || json.Unmarshal(rec.Value, &b) != nil {
			return nil
		}
		if ref != nil && b.Number == ref.Number {
			// A session that died may have left more parts than the one that went on.
			if b.Attempt == ref.Attempt && b.Part < ref.Parts {
				parts[b.Part] = b
			}
			return nil
		}
		others[string(rec.Key)] = true
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the baseline: %w", err)
	}
	stale = slices.Sorted(maps.Keys(others))
	if ref == nil || len(parts) != ref.Parts {
		return nil, stale, nil
	}
	out := sums.Sums{}
	for _, b := range parts {
		for i := range b.Keys {
			hash, okHash := new(big.Int).SetString(b.Sums[i], 10)
			square, okSquare := new(big.Int).SetString(b.Squares[i], 10)
			if !okHash || !okSquare {
				return nil, stale, nil
			}
			out.Add(sums.Key{Way: b.Ways[i], Key: b.Keys[i]}, sums.Sum{Rows: b.Rows[i], Hash: hash, Square: square})
		}
	}
	return out, stale, nil
}
