package alarm_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/services/scheduler/internal/alarm"
)

func TestAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock, err := alarm.NewClock()
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := clock.Close(); err != nil {
				t.Error(err)
			}
		}()
		a := clock.New()
		start := time.Now()
		set := func(d time.Duration) {
			t.Helper()
			if err := a.Set(start.Add(d)); err != nil {
				t.Fatal(err)
			}
		}
		rings := func(want time.Duration) {
			t.Helper()
			select {
			case <-a.C():
				if got := time.Since(start); got != want {
					t.Fatalf("rang after %s, want %s", got, want)
				}
			case <-time.After(24 * time.Hour):
				t.Fatalf("did not ring after %s", want)
			}
		}
		quiet := func(d time.Duration) {
			t.Helper()
			select {
			case <-a.C():
				t.Fatalf("rang after %s", time.Since(start))
			case <-time.After(d):
			}
		}
		set(time.Hour)
		set(2 * time.Hour) // in place of the first
		rings(2 * time.Hour)
		set(2 * time.Hour) // the same instant again
		quiet(time.Hour)
		set(time.Hour) // passed
		rings(3 * time.Hour)
		set(5 * time.Hour)
		if err := a.Clear(); err != nil {
			t.Fatal(err)
		}
		quiet(4 * time.Hour)
	})
}

// TestAnInstantThatIsPassing sets alarms so near that they pass while they are
// set. Each fires, and none delays the others.
func TestAnInstantThatIsPassing(t *testing.T) {
	t.Parallel()
	clock, err := alarm.NewClock()
	if err != nil {
		t.Fatal(err)
	}
	var setters sync.WaitGroup
	for n := range 8 {
		setters.Go(func() {
			a := clock.New()
			for i := range 500 {
				if err := a.Set(time.Now().Add(time.Duration((n*500+i)%200) * time.Microsecond)); err != nil {
					t.Error(err)
					return
				}
				<-a.C()
			}
		})
	}
	setters.Wait()
	if err := clock.Close(); err != nil {
		t.Error(err)
	}
}
