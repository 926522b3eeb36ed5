package runs_test

import (
	"context"
	"testing"

	"tapline.dev/domain/control"
	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// follow runs a view until the test ends.
func follow(t *testing.T, view *runs.View) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- view.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
}

func TestLookup(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	topic := schemas.NewTopics(cfg.Prefix).State()
	producer, err := kafka.OpenProducer(cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	view, err := runs.Open(cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	follow(t, view)

	active := func(number, attempt int, ending *schemas.Ending) *schemas.ActiveRun {
		return &schemas.ActiveRun{Run: schemas.RunID("customers", number), Number: number, Attempt: attempt, Ending: ending}
	}
	cancelled := &schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}
	steps := []struct {
		name            string
		write           *schemas.State // before the lookup; the view may not have seen it yet
		number, attempt int
		want            string
	}{
		{"nothing is known", nil, 1, 1, "unknown"},
		{"the first run", &schemas.State{LastNumber: 1, Active: active(1, 1, nil)}, 1, 1, "run"},
		{"a run that never was", nil, 2, 1, "unknown"},
		{"an attempt that never was", nil, 1, 2, "unknown"},
		{"the second attempt", &schemas.State{LastNumber: 1, Active: active(1, 2, nil)}, 1, 2, "run"},
		{"the attempt before", nil, 1, 1, "closed"},
		{"a cancelled run", &schemas.State{LastNumber: 1, Active: active(1, 2, cancelled)}, 1, 3, "unknown"},
		{"its rows", nil, 1, 2, "cancelled"},
		{"its older attempt", nil, 1, 1, "closed"},
		{"a closed run", &schemas.State{LastNumber: 1}, 2, 1, "unknown"},
		{"its late rows", nil, 1, 2, "closed"},
		{"the next run", &schemas.State{LastNumber: 2, Active: active(2, 1, nil)}, 2, 1, "run"},
	}
	for _, s := range steps {
		if s.write != nil {
			s.write.Import = "customers"
			rec, err := control.Record(topic, "customers", "customers", s.write, "state", "test")
			if err != nil {
				t.Fatal(err)
			}
			if err := producer.Produce(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
		}
		v, err := view.Lookup(t.Context(), "customers", s.number, s.attempt)
		if err != nil {
			t.Fatal(err)
		}
		got := v.Skip
		if v.Unknown {
			got = "unknown"
		} else if v.Run != nil {
			got = "run"
		}
		if got != s.want {
			t.Errorf("%s: Lookup(%d.%d) = %s, want %s", s.name, s.number, s.attempt, got, s.want)
		}
	}
}

func TestLookupRefusesAnUnreadableState(t *testing.T) {
	t.Parallel()
	cfg := kafkatest.Start(t)
	producer, err := kafka.OpenProducer(cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	bad := &kafka.Record{
		Topic: schemas.NewTopics(cfg.Prefix).State(), Partition: schemas.ControlPartition("customers"), Key: []byte("customers"), Value: []byte("{"),
	}
	if err := producer.Produce(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	view, err := runs.Open(cfg, kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	follow(t, view)
	if v, err := view.Lookup(t.Context(), "customers", 1, 1); err == nil {
		t.Errorf("Lookup() = %+v for a state that cannot be read, want an error", v)
	}
}
