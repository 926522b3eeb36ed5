package extractor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/snowflake"
)

// closable is a session of which the test sees the end.
type closable struct {
	source
	closed int
	tags   []string // runs
}

func (c *closable) Close() { c.closed++ }

func (c *closable) Tag(tag snowflake.Tag) { c.tags = append(c.tags, tag.Run) }

// TestSessionsAreUsedAgain: a session that has described a query describes the next one of
// the same connection, under the tag of each; it ends when nobody needs it, and one that
// fails makes way for a new one.
func TestSessionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var opened []*closable
		db := newWarehouse()
		idle := &idleSessions{}
		m, err := newMetrics(telemetry.Discard())
		if err != nil {
			t.Fatal(err)
		}
		describe := func(run, user string, answers ...error) error {
			s := sessions{
				metrics: m.snowflake, idle: idle, log: telemetry.Discard().Logger,
				attempt: attempt.Attempt{Import: "people", Run: schemas.ActiveRun{Run: run}},
				open: func(ctx context.Context, conn schemas.SnowflakeConnectionSpec, tag snowflake.Tag) (source, error) {
					src, err := db.open(ctx, conn, tag)
					opened = append(opened, &closable{source: src})
					return opened[len(opened)-1], err
				},
			}
			return s.describing(t.Context(), schemas.SnowflakeConnectionSpec{User: user}, func(source) error {
				if len(answers) == 0 {
					return nil
				}
				answer := answers[0]
				answers = answers[1:]
				return answer
			})
		}
		for i, c := range []struct {
			run, user string
			answers   []error
			refused   bool
			opened    int // so far
		}{
			{"a", "one", nil, false, 1},
			{"b", "one", nil, false, 1},
			{"c", "two", nil, false, 2}, // another connection
			{"d", "one", []error{errors.New("the session has expired")}, false, 3},
			{"e", "one", []error{failure.Permanent(failure.CodeColumnType, "no such column")}, true, 3},
			{"f", "one", nil, false, 4}, // the one before has ended
		} {
			err := describe(c.run, c.user, c.answers...)
			if (err != nil) != c.refused || len(opened) != c.opened {
				t.Errorf("step %d: error %v, %d sessions so far, want %d", i, err, len(opened), c.opened)
			}
		}
		if want := []string{"a", "b", "d"}; !slices.Equal(opened[0].tags, want) {
			t.Errorf("the first session's statements had the tags %v, want %v", opened[0].tags, want)
		}
		time.Sleep(2 * sessionIdle)
		synctest.Wait()
		for i, s := range opened {
			if s.closed != 1 {
				t.Errorf("session %d was closed %d times", i, s.closed)
			}
		}
		if len(idle.byConn) != 0 {
			t.Errorf("%d connections are remembered", len(idle.byConn))
		}
	})
}

// TestASessionIsUsedByOneAtATime: a query that is described while another one is gets a
// session of its own, and none ends while it is used, however long that takes.
func TestASessionIsUsedByOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newWarehouse()
		m, err := newMetrics(telemetry.Discard())
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var opened []*closable
		s := sessions{
			metrics: m.snowflake, idle: &idleSessions{}, log: telemetry.Discard().Logger,
			open: func(ctx context.Context, conn schemas.SnowflakeConnectionSpec, tag snowflake.Tag) (source, error) {
				src, err := db.open(ctx, conn, tag)
				mu.Lock()
				defer mu.Unlock()
				opened = append(opened, &closable{source: src})
				return opened[len(opened)-1], err
			},
		}
		inUse := map[source]bool{}
		use := func(src source) error {
			mu.Lock()
			if inUse[src] {
				t.Error("two use one session")
			}
			inUse[src] = true
			mu.Unlock()
			time.Sleep(2 * sessionIdle)
			mu.Lock()
			defer mu.Unlock()
			for _, c := range opened {
				if c.closed > 0 {
					t.Error("a session has ended while it was used")
				}
			}
			inUse[src] = false
			return nil
		}
		for range 3 {
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					if err := s.describing(t.Context(), schemas.SnowflakeConnectionSpec{User: "one"}, use); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
		}
		if len(opened) != 2 {
			t.Errorf("%d sessions for two at a time", len(opened))
		}
		time.Sleep(2 * sessionIdle)
	})
}
