package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/snowflakedb/gosnowflake"
)

const manyRows = "select seq4() as n, to_varchar(seq4()) as s from table(generator(rowcount => 5350))"

// countRows decodes Arrow streams and adds up their rows and their first column.
func countRows(streams [][]byte) (rows, sum int64, err error) {
	for _, data := range streams {
		r, err := ipc.NewReader(bytes.NewReader(data))
		if err != nil {
			return rows, sum, err
		}
		for r.Next() {
			rec := r.RecordBatch()
			rows += rec.NumRows()
			switch c := rec.Column(0).(type) {
			case *array.Int8:
				for _, v := range c.Int8Values() {
					sum += int64(v)
				}
			case *array.Int16:
				for _, v := range c.Int16Values() {
					sum += int64(v)
				}
			default:
				return rows, sum, errors.New("unexpected carrier " + c.DataType().String())
			}
		}
		if err := r.Err(); err != nil {
			return rows, sum, err
		}
	}
	return rows, sum, nil
}

func TestChunksArriveWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	for name, faults := range map[string]map[string]any{
		"no fault": {}, "a 503": {"chunk503": 1}, "carriers that vary": {"varyCarriers": true},
	} {
		w.faults(t, faults)
		err := arrowStream(t, db, func(ctx context.Context, loader gosnowflake.ArrowStreamLoader) error {
			streams, err := readStreams(ctx, loader)
			if err != nil {
				return err
			}
			rows, sum, err := countRows(streams)
			// 100 rows inline, five chunks of 1000 and one of 250
			if err != nil || len(streams) != 7 || rows != 5350 || rows != loader.TotalRows() || sum != 5350*5349/2 {
				t.Errorf("%s: %d streams, %d of %d rows, sum %d, %v", name, len(streams), rows, loader.TotalRows(), sum, err)
			}
			return nil
		}, manyRows)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEachChunkFaultBreaksARead proves that each switch breaks a read in its own way.
func TestEachChunkFaultBreaksARead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	for _, fault := range []string{"chunkReset", "chunkTruncated"} {
		w.faults(t, map[string]any{fault: 1})
		err := arrowStream(t, db, func(ctx context.Context, loader gosnowflake.ArrowStreamLoader) error {
			streams, err := readStreams(ctx, loader)
			if err != nil {
				return err
			}
			if rows, _, err := countRows(streams); err != nil || rows != loader.TotalRows() {
				return errors.Join(errors.New("short read"), err)
			}
			return nil
		}, manyRows)
		if err == nil {
			t.Errorf("%s: the result arrived whole", fault)
		}
	}
	w.faults(t, map[string]any{"chunkStall": 1, "chunkStallMs": 20})
	err := arrowStream(t, db, func(ctx context.Context, loader gosnowflake.ArrowStreamLoader) error {
		_, err := readStreams(ctx, loader)
		return err
	}, manyRows)
	if err != nil {
		t.Errorf("a stall that ends: %v", err)
	}
	w.faults(t, map[string]any{"wrongTotal": 3})
	err = arrowStream(t, db, func(_ context.Context, loader gosnowflake.ArrowStreamLoader) error {
		if loader.TotalRows() != 5353 {
			t.Errorf("TotalRows() = %d, want the wrong 5353", loader.TotalRows())
		}
		return nil
	}, manyRows)
	if err != nil {
		t.Error(err)
	}
	w.faults(t, map[string]any{"refuseStatement": 1})
	if _, err := db.ExecContext(t.Context(), "select 1"); snowflakeCode(err) != 606 {
		t.Errorf("refused statement = %v, want code 606", err)
	}
}
