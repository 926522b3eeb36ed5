package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"

	"tapline.dev/libs/kafka"
)

// runPlain is the simplest possible loader: it decodes the records, collects a thousand,
// and posts them from 15 workers. It keeps no order, reads no answer and commits nothing.
func runPlain(ctx context.Context, world string) error {
	part := strings.Split(world, "|")
	cfg := kafka.DefaultConfig()
	cfg.Brokers = part[:1]
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	from := map[kafka.TP]int64{}
	for p := range int32(partitions) {
		from[kafka.TP{Topic: part[1], Partition: p}] = 0
	}
	tail, err := kafka.OpenTail(cfg, kafka.Deps{Log: slog.New(slog.DiscardHandler)}, from)
	if err != nil {
		return err
	}
	defer tail.Close()
	batches := make(chan []map[string]any, slots)
	var workers sync.WaitGroup
	for range slots {
		workers.Go(func() {
			for batch := range batches {
				if err := post(ctx, part[2], part[3], part[4], batch); err != nil {
					log.ErrorContext(ctx, "plain loader", slog.Any("error", err))
				}
			}
		})
	}
	var batch []map[string]any
	for {
		records, err := tail.Poll(ctx, 10_000)
		if err != nil {
			close(batches)
			workers.Wait()
			return err
		}
		for _, r := range records {
			var record map[string]any
			if err := json.Unmarshal(r.Value, &record); err != nil {
				return err
			}
			if batch = append(batch, record); len(batch) == perUpload {
				batches <- batch
				batch = nil
			}
		}
	}
}

func post(ctx context.Context, url, account, passcode string, batch []map[string]any) error {
	body, err := json.Marshal(map[string]any{"d": batch})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/1/upload", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CleverTap-Account-Id", account)
	req.Header.Set("X-CleverTap-Passcode", passcode)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
