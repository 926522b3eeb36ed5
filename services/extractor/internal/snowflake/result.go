package snowflake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/libs/backoff"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/rowjson"
)

// Result is a complete result that lies at Snowflake. It can be read from any
// chunk on, and a chunk as often as needed, by one goroutine.
type Result struct {
	cfg     Config
	loader  gosnowflake.ArrowStreamLoader
	queryID string
	columns []schemas.Column
	total   int64
	chunks  int
	size    int // of the chunk that was downloaded last
}

// QueryID names the statement.
func (r *Result) QueryID() string { return r.queryID }

// Columns are the result's columns in order.
func (r *Result) Columns() []schemas.Column { return r.columns }

// Total is how many rows Snowflake says the result has.
func (r *Result) Total() int64 { return r.total }

// Chunks is how many chunks it comes in; an empty result may have none.
func (r *Result) Chunks() int { return r.chunks }

// A broken chunk is fetched again after a while between these two.
const (
	chunkPause    = 200 * time.Millisecond
	chunkPauseMax = 10 * time.Second
)

var errStalled = errors.New("the download made no progress")

// Chunk downloads one chunk, a whole Arrow IPC stream. What is broken, stalled
// or shorter than announced is fetched again: drivers have been seen to end a
// stalled result silently.
func (r *Result) Chunk(ctx context.Context, i int) ([]byte, error) {
	for try := 1; ; try++ {
		data, rows, err := r.fetch(ctx, i)
		want := int64(-1)
		if err == nil {
			want = rows
			rows, err = rowjson.Count(data)
		}
		if err == nil && rows == want {
			return data, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if try >= r.cfg.ChunkTries || errors.Is(err, errTooLarge) {
			return nil, chunkError(i, rows, want, err)
		}
		if err := backoff.Wait(ctx, backoff.Delay(try, chunkPause, chunkPauseMax)); err != nil {
			return nil, err
		}
	}
}

func chunkError(i int, rows, want int64, err error) error {
	if want >= 0 && err == nil {
		return &Error{Code: CodeResultShort, Reason: fmt.Sprintf("chunk %d of the result has %d rows where Snowflake announced %d", i, rows, want)}
	}
	if want >= 0 {
		return &Error{Code: CodeUnreadable, Reason: fmt.Sprintf("chunk %d of the result cannot be read as Arrow", i)}
	}
	if errors.Is(err, errTooLarge) {
		return &Error{Code: CodeUnreadable, Reason: fmt.Sprintf("chunk %d of the result has more than %d MiB: select fewer or shorter columns", i, maxChunkBytes>>20)}
	}
	if errors.Is(err, errStalled) {
		return &Error{Code: CodeUnreachable, Reason: fmt.Sprintf("the download of chunk %d of the result stalls", i)}
	}
	return &Error{Code: CodeUnreachable, Reason: fmt.Sprintf("chunk %d of the result cannot be downloaded", i)}
}

// fetch downloads a chunk once. The rows it returns are the announced ones.
func (r *Result) fetch(ctx context.Context, i int) ([]byte, int64, error) {
	batches, err := r.loader.GetBatches() // anew: a batch that failed half-way keeps its broken stream
	if err != nil {
		return nil, -1, fmt.Errorf("listing the chunks: %w", err)
	}
	if i >= len(batches) {
		return nil, -1, fmt.Errorf("there is no chunk %d", i)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(r.cfg.StallTimeout, func() { cancel(errStalled) })
	defer watchdog.Stop()
	stream, err := batches[i].GetStream(ctx)
	if err != nil {
		return nil, -1, errors.Join(err, context.Cause(ctx))
	}
	data, readErr := r.readAll(&progress{r: stream, on: func() { watchdog.Reset(r.cfg.StallTimeout) }})
	closeErr := stream.Close()
	if err := errors.Join(readErr, closeErr, context.Cause(ctx)); err != nil {
		return nil, -1, err
	}
	return data, batches[i].NumRows(), nil
}

// readAll is io.ReadAll into a buffer of the size of the chunk before: chunks of a result
// are alike, and a buffer that doubles while it fills takes three times their memory.
func (r *Result) readAll(stream io.Reader) ([]byte, error) {
	buffer := bytes.NewBuffer(make([]byte, 0, r.size+r.size/16+bytes.MinRead))
	_, err := buffer.ReadFrom(stream)
	r.size = buffer.Len()
	return buffer.Bytes(), err
}

type progress struct {
	r  io.Reader
	on func()
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if n > 0 {
		p.on()
	}
	return n, err
}
