package sandbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/sandbox"
)

// TestMain keeps the driver from asking for cloud metadata and from logging.
func TestMain(m *testing.M) {
	if err := os.Setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true"); err != nil {
		panic(err)
	}
	logger := gosnowflake.GetLogger()
	logger.SetOutput(io.Discard)
	if err := logger.SetLogLevel("OFF"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// world is a sandbox Snowflake of a test and the drivers' way to it.
type world struct {
	sandbox *sandbox.Snowflake
	cfg     sandbox.SnowflakeConfig
}

func newWorld(t *testing.T, change func(*sandbox.SnowflakeConfig)) *world {
	t.Helper()
	cfg := sandbox.DefaultSnowflakeConfig()
	cfg.Listen = "127.0.0.1:0"
	cfg.ChunkRows, cfg.InlineRows = 1000, 100
	if change != nil {
		change(&cfg)
	}
	s, err := sandbox.NewSnowflake(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // outlives the test until its clients are closed
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
	select {
	case <-s.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	return &world{sandbox: s, cfg: cfg}
}

func (w *world) config(t *testing.T) gosnowflake.Config {
	t.Helper()
	host, portText, err := net.SplitHostPort(w.sandbox.Addr())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		t.Fatal(err)
	}
	zone := "UTC"
	return gosnowflake.Config{
		Account: w.cfg.Account, User: w.cfg.User, Password: string(w.cfg.Password), Host: host, Port: port, Protocol: "http",
		Database: w.cfg.Database, Schema: w.cfg.Schema, Warehouse: w.cfg.Warehouse, DisableTelemetry: true,
		Params: map[string]*string{"TIMEZONE": &zone}, LoginTimeout: 5 * time.Second,
	}
}

func (w *world) open(t *testing.T, change func(*gosnowflake.Config)) *sql.DB {
	t.Helper()
	cfg := w.config(t)
	if change != nil {
		change(&cfg)
	}
	db := sql.OpenDB(gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, cfg))
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func (w *world) faults(t *testing.T, settings map[string]any) {
	t.Helper()
	body, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+w.sandbox.Addr()+"/sandbox/v1/snowflake/faults", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("PUT faults = %s", resp.Status)
	}
}

func mustExec(t *testing.T, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, text string, args ...any) sql.Result {
	t.Helper()
	res, err := db.ExecContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return res
}

type queryer interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// texts reads a query as rows of texts, NULL as "∅".
func texts(t *testing.T, db queryer, text string, args ...any) [][]string {
	t.Helper()
	return readTexts(gosnowflake.WithHigherPrecision(t.Context()), t, db, text, args...)
}

func readTexts(ctx context.Context, t *testing.T, db queryer, text string, args ...any) [][]string {
	t.Helper()
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for rows.Next() {
		cells, to := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			to[i] = &cells[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = show(c)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "∅"
	case string:
		return v
	case []byte:
		return hex.EncodeToString(v)
	case time.Time:
		return v.Format("2006-01-02T15:04:05.999999999Z07:00")
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case int64:
		return strconv.FormatInt(v, 10)
	case *big.Int:
		return v.String()
	case *big.Float:
		return v.Text('g', 17) // what the driver makes of decimals is exact to here
	}
	return fmt.Sprintf("%T", v)
}

func snowflakeCode(err error) int {
	var e *gosnowflake.SnowflakeError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// arrowStream runs a query by the driver's raw Arrow interface.
func arrowStream(t *testing.T, db *sql.DB, use func(ctx context.Context, loader gosnowflake.ArrowStreamLoader) error, text string, args ...driver.NamedValue) error {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		streamer, ok := c.(interface {
			QueryArrowStream(context.Context, string, ...driver.NamedValue) (gosnowflake.ArrowStreamLoader, error)
		})
		if !ok {
			t.Fatal("driver connection has no QueryArrowStream")
		}
		loader, err := streamer.QueryArrowStream(t.Context(), text, args...)
		if err != nil {
			return err
		}
		return use(t.Context(), loader)
	})
}

// readStreams reads every batch whole.
func readStreams(ctx context.Context, loader gosnowflake.ArrowStreamLoader) ([][]byte, error) {
	batches, err := loader.GetBatches()
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for i := range batches {
		stream, err := batches[i].GetStream(ctx)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(stream)
		if err := errors.Join(err, stream.Close()); err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}
