package listing_test

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/schemas"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func share(f float64) *float64 { return &f }

// TestColours: only all of it is green, and no share is rounded up.
func TestColours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		share   float64
		colour  string
		percent string
	}{
		{1, listing.Green, "100 %"},
		{0.99995, listing.Yellow, "99.99 %"},
		{0.9999999, listing.Yellow, "99.99 %"},
		{0.5, listing.Yellow, "50.00 %"},
		{0.499999, listing.Red, "49.99 %"},
		{0, listing.Red, "0.00 %"},
	} {
		if got := listing.Colour(c.share); got != c.colour {
			t.Errorf("Colour(%v) = %s, want %s", c.share, got, c.colour)
		}
		if got := listing.Percent(c.share); got != c.percent {
			t.Errorf("Percent(%v) = %q, want %q", c.share, got, c.percent)
		}
	}
}

// TestConditions: each thing that is shown as blank elsewhere has a word of its own.
func TestConditions(t *testing.T) {
	t.Parallel()
	long := now.Add(-240 * time.Hour)
	early := now.Add(-3 * time.Hour)
	every := []schemas.Schedule{{Every: schemas.Duration(time.Hour)}}
	succeeded := &schemas.EndedRun{Run: "a.1", State: schemas.StateSucceeded, StartedAt: now.Add(-time.Minute), Time: now}
	ran := func(l *schemas.Listing, s *schemas.State) {
		l.LastRun, l.LastRunState, l.LastRunRead, l.Health = "a.1", schemas.StateSucceeded, 10, share(1)
		l.LastSuccess, l.LastSuccessAt = "a.1", &succeeded.StartedAt
		s.LastEnded, s.LastSucceeded = succeeded, succeeded
	}
	for name, c := range map[string]struct {
		schedules []schemas.Schedule
		edit      func(*schemas.Listing, *schemas.State)
		want      string
		says      string
	}{
		"never run": {nil, func(*schemas.Listing, *schemas.State) {}, listing.NeverRun, "no run has ended"},
		"first run": {nil, func(l *schemas.Listing, s *schemas.State) {
			l.LastRun, s.Active = "a.1", &schemas.ActiveRun{Run: "a.1"}
		}, listing.FirstRun, "a.1 is the first run"},
		"all through": {every, ran, listing.Green, "100 %"},
		"nearly all": {every, func(l *schemas.Listing, s *schemas.State) {
			ran(l, s)
			l.Health, l.OpenRejects = share(0.99995), 1
		}, listing.Yellow, "99.99 % of the records got through; 1 row is rejected"},
		"the least": {every, func(l *schemas.Listing, s *schemas.State) { ran(l, s); l.Health = share(0.2) }, listing.Red, "20.00 %"},
		"no rows":   {every, func(l *schemas.Listing, s *schemas.State) { ran(l, s); l.LastRunRead = 0 }, listing.NoRows, "read no rows"},
		"held": {every, func(l *schemas.Listing, s *schemas.State) {
			ran(l, s)
			l.HeldBecause = &schemas.Hold{Reason: "12 times the usual"}
		}, listing.Held, "12 times the usual"},
		"CleverTap refuses": {every, func(l *schemas.Listing, s *schemas.State) {
			ran(l, s)
			l.Waiting = &schemas.Waiting{Account: "eu", Code: schemas.WaitingCredentials, Reason: "HTTP 401"}
		}, listing.CredentialsRefused, "eu: HTTP 401"},
		"Snowflake refuses": {every, func(l *schemas.Listing, s *schemas.State) {
			ran(l, s)
			l.LastRunState, l.LastRunError = schemas.StateFailed, "snowflake_auth"
		}, listing.CredentialsRefused, "warehouse"},
		"failed before a row": {nil, func(l *schemas.Listing, s *schemas.State) {
			ran(l, s)
			l.LastRunState, l.LastRunError, l.Health = schemas.StateFailed, "snowflake_query", nil
		}, listing.Failed, "before it read a row"},
		"stale": {every, func(l *schemas.Listing, s *schemas.State) {
			ran(l, s)
			l.LastSuccessAt = &early
		}, listing.Stale, "no run that began at 2026-11-24T11:00:00Z"},
		"stale and never run": {every, func(*schemas.Listing, *schemas.State) {}, listing.Stale, "has succeeded"},
		"paused is not stale": {every, func(l *schemas.Listing, s *schemas.State) {
			ran(l, s)
			l.LastSuccessAt, s.Paused = &early, true
		}, listing.Green, ""},
		"skipped on purpose": {every, func(l *schemas.Listing, s *schemas.State) {
			ran(l, s)
			l.LastSuccessAt = &early
			s.SkippedDue = []schemas.SkippedDue{{From: now.Add(-2 * time.Hour), To: now, Reason: schemas.SkippedPaused}}
		}, listing.Green, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, s := &schemas.Listing{Import: "a"}, schemas.State{Anchor: &long, ScheduleSince: &long}
			c.edit(l, &s)
			d := schemas.Definition{AppliedAt: long, Spec: schemas.ImportSpec{Schedules: c.schedules, Source: schemas.Source{ConnectionRef: "warehouse"}}}
			listing.Complete(l, d, s, now)
			if l.Condition != c.want || !strings.Contains(l.ConditionReason, c.says) {
				t.Errorf("%s (%s), want %s (%s)", l.Condition, l.ConditionReason, c.want, c.says)
			}
		})
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	created := now.Add(-time.Hour)
	l := &schemas.Listing{Watermark: "2026-11-24T11:44:59.500000000"}
	listing.Complete(l, schemas.Definition{
		Metadata: schemas.Metadata{Owner: "growth", Labels: map[string]string{"team": "crm"}}, AppliedAt: now, AppliedBy: "maya", CreatedAt: created, CreatedBy: "ana",
		Spec: schemas.ImportSpec{Source: schemas.Source{ConnectionRef: "warehouse"}, Destination: schemas.Destination{AccountRef: "eu"}},
	}, schemas.State{}, now)
	if l.Partner != "Snowflake" || l.Datasource != "warehouse" || l.Account != "eu" || l.Frequency != listing.Manual || l.Owner != "growth" ||
		!l.CreatedAt.Equal(created) || l.CreatedBy != "ana" || !l.UpdatedAt.Equal(now) || l.UpdatedBy != "maya" || *l.FreshnessSeconds != 900.5 {
		t.Errorf("listing %+v", l)
	}
	old := &schemas.Listing{}
	anchor := now.Add(-48 * time.Hour)
	listing.Complete(old, schemas.Definition{AppliedAt: now}, schemas.State{Anchor: &anchor}, now)
	if !old.CreatedAt.Equal(anchor) || old.CreatedBy != "" || old.FreshnessSeconds != nil {
		t.Errorf("of an earlier version: %+v", old)
	}
}

func TestFrequency(t *testing.T) {
	t.Parallel()
	at := now
	for want, schedules := range map[string][]schemas.Schedule{
		listing.RepeatIntervals: {{Cron: "0 9 * * *"}, {Every: schemas.Duration(time.Hour)}},
		listing.CustomSchedule:  {{At: &at}, {DaysOfWeek: []string{"mon"}, Times: []string{"09:00"}}},
		listing.Manual:          {{At: &at}},
	} {
		if got := listing.Frequency(schedules); got != want {
			t.Errorf("Frequency(%v) = %s, want %s", schedules, got, want)
		}
	}
}
