// Package alarm wakes a goroutine at an instant. gocron is the clock and no more:
// it keeps nothing over a restart and knows nothing of what was missed, so what
// is due is worked out elsewhere and recorded in the log.
package alarm

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"
)

// never is the interval of a job. A job is limited to one execution, so the
// interval is never used.
const never = 365 * 24 * time.Hour

// Clock rings the alarms of one process.
type Clock struct{ cron gocron.Scheduler }

// NewClock starts a clock.
func NewClock() (*Clock, error) {
	cron, err := gocron.NewScheduler(gocron.WithLocation(time.UTC))
	if err != nil {
		return nil, fmt.Errorf("starting the alarm clock: %w", err)
	}
	cron.Start()
	return &Clock{cron: cron}, nil
}

// Close stops the clock.
func (c *Clock) Close() error {
	if err := c.cron.Shutdown(); err != nil {
		return fmt.Errorf("stopping the alarm clock: %w", err)
	}
	return nil
}

// Alarm rings at one instant at a time. Set and Clear are for one goroutine.
type Alarm struct {
	clock *Clock
	ring  chan struct{}
	job   uuid.UUID
	at    time.Time
}

// New returns an alarm that is not set.
func (c *Clock) New() *Alarm { return &Alarm{clock: c, ring: make(chan struct{}, 1)} }

// C gets a value when the alarm rings.
func (a *Alarm) C() <-chan struct{} { return a.ring }

// Set makes the alarm ring at the instant, at once if it has passed, and no
// longer at the one before.
func (a *Alarm) Set(at time.Time) error {
	if at.Equal(a.at) {
		return nil
	}
	if err := a.Clear(); err != nil {
		return err
	}
	a.at = at
	// This is no gocron.OneTimeJob: if the instant of such a job passes while gocron
	// registers it, gocron searches for the next instant in an endless loop, and no
	// alarm of the process rings any more.
	job, err := a.clock.cron.NewJob(gocron.DurationJob(never), gocron.NewTask(a.wake),
		gocron.WithStartAt(gocron.WithStartDateTime(at)), gocron.WithLimitedRuns(1))
	if errors.Is(err, gocron.ErrWithStartDateTimePast) {
		a.wake()
		return nil
	}
	if err != nil {
		return fmt.Errorf("setting the alarm: %w", err)
	}
	a.job = job.ID()
	if !at.After(time.Now()) {
		a.wake() // gocron may have scheduled the job one interval later
	}
	return nil
}

// Clear unsets the alarm.
func (a *Alarm) Clear() error {
	a.at = time.Time{}
	if a.job == uuid.Nil {
		return nil
	}
	err := a.clock.cron.RemoveJob(a.job)
	a.job = uuid.Nil
	// A job that has run is gone already.
	if err != nil && !errors.Is(err, gocron.ErrJobNotFound) {
		return fmt.Errorf("clearing the alarm: %w", err)
	}
	return nil
}

func (a *Alarm) wake() {
	select {
	case a.ring <- struct{}{}:
	default:
	}
}
