// Command plain does what Tapline does in the plainest Go that works: no accounting, no
// order, no restart, no exact numbers. The benchmark compares Tapline with it, so it must
// stay honest: ordinary libraries with their defaults, and nothing that is slow on purpose.
//
//	plain extract    database/sql → map[string]any → JSON → Kafka
//	plain load       Kafka → map[string]any → JSON of 1,000 records → CleverTap, 15 workers
package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	_ "github.com/snowflakedb/gosnowflake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	workers   = 15
	perUpload = 1000
)

func main() {
	ctx := context.Background()
	stages := map[string]func(context.Context) error{"extract": extract, "load": load}
	if len(os.Args) != 2 || stages[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "plain extract | plain load")
		os.Exit(2)
	}
	if err := stages[os.Args[1]](ctx); err != nil {
		fmt.Fprintln(os.Stderr, "plain:", err)
		os.Exit(1)
	}
}

// extract writes a query's rows to a topic.
func extract(ctx context.Context) error {
	db, err := sql.Open("snowflake", os.Getenv("PLAIN_DSN"))
	if err != nil {
		return err
	}
	defer db.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(os.Getenv("PLAIN_KAFKA")), kgo.DefaultProduceTopic(os.Getenv("PLAIN_TOPIC")))
	if err != nil {
		return err
	}
	defer client.Close()
	rows, err := db.QueryContext(ctx, os.Getenv("PLAIN_QUERY"))
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var failed sync.Once
	var produceErr error
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := make(map[string]any, len(columns))
		for i, name := range columns {
			row[name] = values[i]
		}
		value, err := json.Marshal(row)
		if err != nil {
			return err
		}
		client.Produce(ctx, &kgo.Record{Key: []byte(fmt.Sprint(row["ID"])), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Do(func() { produceErr = err })
			}
		})
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return errors.Join(client.Flush(ctx), produceErr)
}

// load sends as many records as it is told.
func load(ctx context.Context) error {
	total, err := strconv.Atoi(os.Getenv("PLAIN_ROWS"))
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(os.Getenv("PLAIN_KAFKA")), kgo.ConsumeTopics(os.Getenv("PLAIN_TOPIC")),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	batches := make(chan []map[string]any, workers)
	failures := make(chan error, workers)
	var sending sync.WaitGroup
	for range workers {
		sending.Go(func() {
			for batch := range batches {
				if err := upload(ctx, batch); err != nil {
					select {
					case failures <- err:
					default:
					}
				}
			}
		})
	}
	var batch []map[string]any
	for seen := 0; seen < total; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			var row map[string]any
			if err := json.Unmarshal(r.Value, &row); err != nil {
				return err
			}
			batch = append(batch, record(row))
			if seen++; len(batch) == perUpload || seen == total {
				batches <- batch
				batch = nil
			}
		}
	}
	close(batches)
	sending.Wait()
	select {
	case err := <-failures:
		return err
	default:
		return nil
	}
}

// record maps a row as the benchmark's import does.
func record(row map[string]any) map[string]any {
	properties := map[string]any{
		"Name": row["NAME"], "Email": row["EMAIL"], "Phone": row["PHONE"], "city": row["CITY"], "active": row["ACTIVE"],
		"spend": row["SPEND"], "score": row["SCORE"], "born": row["BORN"], "created": row["CREATED_AT"], "updated": row["UPDATED_AT"],
	}
	return map[string]any{"type": "profile", "identity": fmt.Sprint(row["ID"]), "ts": time.Now().Unix(), "profileData": properties}
}

func upload(ctx context.Context, batch []map[string]any) error {
	body, err := json.Marshal(map[string]any{"d": batch})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("PLAIN_CLEVERTAP")+"/1/upload", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("upload: %s", res.Status)
	}
	return nil
}
