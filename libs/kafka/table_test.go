package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestTablePolicy: what a reader sees of a key after its records, and that the
// key beside it stays as it is.
func TestTablePolicy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values []string // of the key a, "" for a deletion
		want   int
		found  bool
		broken bool
	}{
		"none":                  {},
		"one":                   {[]string{"1"}, 1, true, false},
		"the newest":            {[]string{"1", "2"}, 2, true, false},
		"deleted":               {[]string{"1", ""}, 0, false, false},
		"broken, not the older": {[]string{"1", `"s3cret"`}, 0, false, true},
		"an older was broken":   {[]string{`"s3cret"`, "2"}, 2, true, false},
		"written again":         {[]string{"1", "", "2"}, 2, true, false},
		"repaired by deletion":  {[]string{`"s3cret"`, ""}, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			var each []int
			deps := kafka.Deps{Log: slog.New(slog.NewTextHandler(&log, nil))}
			table := kafka.NewTable(deps, kafka.TableConfig[int]{Topic: "t"})
			history := kafka.NewTable(kafkatest.Deps(), kafka.TableConfig[int]{
				Topic: "t", Tombstones: true, Each: func(_ string, v int) { each = append(each, v) },
				Select: func(key string) bool { return key == "a" },
			})
			changed := table.Changed()
			records := []*kafka.Record{{Key: []byte("b"), Value: []byte("7")}}
			for i, value := range c.values {
				r := &kafka.Record{Key: []byte("a"), Offset: int64(i)}
				if value != "" {
					r.Value = []byte(value)
				}
				records = append(records, r)
			}
			table.Apply(records...)
			history.Apply(records...)
			select {
			case <-changed:
			default:
				t.Error("the channel of changes is still open")
			}
			for range 2 { // the second time from what was decoded
				got, found, err := table.Get("a")
				if got != c.want || found != c.found || errors.Is(err, kafka.ErrUnreadable) != c.broken {
					t.Errorf("Get() = %d, %v, %v, want %d, %v, broken: %v", got, found, err, c.want, c.found, c.broken)
				}
			}
			version := table.Version("a")
			table.Apply(&kafka.Record{Key: []byte("b"), Value: []byte("7")})
			if again := table.Version("a"); again != version || (version != 0) != (c.found || c.broken) {
				t.Errorf("Version() = %d, then %d after a record of another key", version, again)
			}
			if version == table.Version("b") {
				t.Errorf("two records have the version %d", version)
			}
			all, keys := map[string]int{"b": 7}, []string{"b"}
			if c.found {
				all["a"] = c.want
			}
			if c.found || c.broken {
				keys = []string{"a", "b"}
			}
			if diff := cmp.Diff(all, table.All()); diff != "" {
				t.Errorf("All() (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(keys, table.Keys()); diff != "" {
				t.Errorf("Keys() (-want +got):\n%s", diff)
			}
			broken := table.Broken()
			if _, is := broken["a"]; is != c.broken || len(broken) > 1 {
				t.Errorf("Broken() = %v", broken)
			}
			if said := strings.Count(log.String(), "cannot be read"); said > 1 || (said == 1) != c.broken {
				t.Errorf("the log says %d times that a record cannot be read: %s", said, log.String())
			}
			if strings.Contains(log.String()+fmt.Sprint(broken), "s3cret") {
				t.Error("the value is quoted")
			}

			var readable []int
			for _, value := range c.values {
				if n, err := strconv.Atoi(value); err == nil {
					readable = append(readable, n)
				}
			}
			if diff := cmp.Diff(readable, each); diff != "" {
				t.Errorf("Each (-want +got):\n%s", diff)
			}
			last := slices.Index(c.values, "")
			if offset, deleted := history.Deleted()["a"]; deleted != (last >= 0) || deleted && offset != int64(last) {
				t.Errorf("Deleted() = %v", history.Deleted())
			}
			if slices.Contains(history.Keys(), "b") {
				t.Error("a key that is not selected is held")
			}
		})
	}
}

// TestTableDecodesTheNewestOnly: a topic that the cleaner has not reached holds
// every older record too, and a takeover waits for the table.
func TestTableDecodesTheNewestOnly(t *testing.T) {
	t.Parallel()
	decoded := 0
	table := kafka.NewTable(kafkatest.Deps(), kafka.TableConfig[string]{Decode: func(_ string, value []byte) (string, error) {
		decoded++
		return string(value), nil
	}})
	for i := range 1000 {
		table.Apply(&kafka.Record{Key: []byte("a"), Value: fmt.Append(nil, i)}, &kafka.Record{Key: []byte("b"), Value: fmt.Append(nil, i)})
	}
	want := map[string]string{"a": "999", "b": "999"}
	if diff := cmp.Diff(want, table.All()); diff != "" || decoded != 2 {
		t.Errorf("%d values were decoded, want 2 (-want +got):\n%s", decoded, diff)
	}
}

// runTable follows until the test ends.
func runTable[V any](t *testing.T, table *kafka.Table[V]) {
	t.Helper()
	done := make(chan error)
	go func() { done <- table.Run(t.Context()) }()
	t.Cleanup(func() { must(t, <-done) })
}

func TestTableReadToEnd(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topics := schemas.NewTopics(cfg.Prefix)
	table := open[*kafka.Table[int]](t)(kafka.OpenTable(cfg, kafkatest.Deps(), kafka.TableConfig[int]{Topic: topics.State()}))
	runTable(t, table)
	must(t, table.ReadToEnd(t.Context())) // an empty topic has an end as well

	tx := open[*kafka.Transactor](t)(kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "a"))
	defer tx.Close()
	for i := range 20 {
		must(t, tx.Begin())
		name := fmt.Sprintf("import-%d", i%7)
		tx.Produce(&kafka.Record{Topic: topics.State(), Partition: schemas.ControlPartition(name), Key: []byte(name), Value: strconv.AppendInt(nil, int64(i), 10)})
		must(t, tx.Commit(t.Context()))
		must(t, table.ReadToEnd(t.Context(), schemas.ControlPartition(name)))
		if got, found, err := table.Get(name); got != i || !found || err != nil {
			t.Errorf("after reading to the end %s = %d, %v, %v, want %d", name, got, found, err, i)
		}
	}
}

// TestTableWaitsForItsPartitionOnly: a transaction that somebody left open in one
// partition hides what comes after it there, and nothing elsewhere.
func TestTableWaitsForItsPartitionOnly(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topic := schemas.NewTopics(cfg.Prefix).State()
	table := open[*kafka.Table[int]](t)(kafka.OpenTable(cfg, kafkatest.Deps(), kafka.TableConfig[int]{Topic: topic}))
	runTable(t, table)
	foreign := open[*kafka.Transactor](t)(kafka.OpenTransactor(t.Context(), cfg, kafkatest.Deps(), "foreign"))
	defer foreign.Close()
	must(t, foreign.Begin())
	foreign.Produce(&kafka.Record{Topic: topic, Partition: 1, Key: []byte("x"), Value: []byte("1")})
	p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
	defer p.Close()
	// Until the foreign record is in the partition: its produce is asynchronous.
	r := open[*kafka.Reader](t)(kafka.OpenReader(cfg, kafkatest.Deps()))
	defer r.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		end, err := r.EndOffset(t.Context(), kafka.TP{Topic: topic, Partition: 1})
		must(t, err)
		if end > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the foreign record is not written")
		}
	}
	must(t, p.Produce(t.Context(), &kafka.Record{Topic: topic, Partition: 0, Key: []byte("a"), Value: []byte("7")}))
	must(t, table.ReadToEnd(t.Context(), 0))
	if got, _, err := table.Get("a"); got != 7 || err != nil {
		t.Errorf("a = %d, %v, want 7", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := table.ReadToEnd(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reading behind an open transaction: %v, want it to wait", err)
	}
	must(t, foreign.Abort(t.Context()))
	must(t, table.ReadToEnd(t.Context()))
}

// TestTableOfARecreatedTopic: what the deleted topic held is forgotten, and
// what the new one holds is read from its start.
func TestTableOfARecreatedTopic(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topics := schemas.NewTopics(cfg.Prefix)
	table := open[*kafka.Table[int]](t)(kafka.OpenTable(cfg, kafkatest.Deps(), kafka.TableConfig[int]{Topic: topics.Resources()}))
	runTable(t, table)
	write := func(key, value string) {
		t.Helper()
		p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
		defer p.Close()
		must(t, p.Produce(t.Context(), &kafka.Record{Topic: topics.Resources(), Key: []byte(key), Value: []byte(value)}))
	}
	write("old", "1")
	write("both", "1")
	must(t, table.ReadToEnd(t.Context()))
	must(t, kafka.DeleteTopics(t.Context(), cfg, kafkatest.Deps(), topics.Resources()))
	must(t, kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), topics.Catalogue()))
	write("both", "2")
	want := map[string]int{"both": 2}
	deadline := time.After(time.Minute)
	for {
		changed := table.Changed()
		if maps.Equal(table.All(), want) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("the table holds %v, want %v", table.All(), want)
		}
	}
}

// TestTableToTheEndOfARecreatedTopic: whoever reads to the end gets what the new topic holds,
// also if it is shorter than the deleted one was.
func TestTableToTheEndOfARecreatedTopic(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topic := schemas.NewTopics(cfg.Prefix).Resources()
	table := open[*kafka.Table[int]](t)(kafka.OpenTable(cfg, kafkatest.Deps(), kafka.TableConfig[int]{Topic: topic}))
	runTable(t, table)
	for round := range 3 {
		p := open[*kafka.Producer](t)(kafka.OpenProducer(cfg, kafkatest.Deps()))
		want := map[string]int{}
		for i := range 4 - round {
			key := fmt.Sprintf("%d of %d", i, round)
			want[key] = i
			must(t, p.Produce(t.Context(), &kafka.Record{Topic: topic, Key: []byte(key), Value: []byte(strconv.Itoa(i))}))
		}
		p.Close()
		must(t, table.ReadToEnd(t.Context()))
		if diff := cmp.Diff(want, table.All()); diff != "" {
			t.Errorf("the topic was made anew %d times; table (-want +got):\n%s", round, diff)
		}
		must(t, kafka.DeleteTopics(t.Context(), cfg, kafkatest.Deps(), topic))
		must(t, kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), schemas.NewTopics(cfg.Prefix).Catalogue()))
	}
}
