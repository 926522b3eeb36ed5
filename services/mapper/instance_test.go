package mapper

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/telemetry"
)

// TestASecondMapperOfOneName: a mapper whose instance name another one has ends and names
// the other, which goes on; once that is gone, it starts. Without a name of its own
// a mapper has the host's.
func TestASecondMapperOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Kafka.SessionTimeout = time.Second
	w.cfg.Instance = "mapper-0"
	stop := w.start(nil)
	member := func() bool {
		_, found, err := kafka.Twin(t.Context(), w.cfg.Kafka, kafkatest.Deps(), Group, "map-mapper-0")
		return err == nil && found
	}
	for end := time.Now().Add(20 * time.Second); !member(); time.Sleep(20 * time.Millisecond) { // between looks
		if time.Now().After(end) {
			t.Fatal("the first mapper has not joined within 20 s")
		}
	}
	second, err := New(w.cfg, Deps{Telemetry: telemetry.Discard(), Health: daemon.NewHealth()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := second.Run(ctx); !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), `has the name "mapper-0"`) || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("the second of one name ended with %v", err)
	}
	if !member() {
		t.Error("the first has lost its place")
	}
	stop()
	third, err := New(w.cfg, Deps{Telemetry: telemetry.Discard(), Health: daemon.NewHealth()})
	if err != nil {
		t.Fatal(err)
	}
	if err := third.workers[0].aloneInName(ctx); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
	third.reader.Close()
	w.cfg.Instance = ""
	unnamed, err := New(w.cfg, Deps{Telemetry: telemetry.Discard(), Health: daemon.NewHealth()})
	if err != nil {
		t.Fatal(err)
	}
	unnamed.reader.Close()
	if unnamed.cfg.Instance == "" {
		t.Error("a mapper without a name has not taken the host's")
	}
}
