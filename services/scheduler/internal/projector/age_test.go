package projector

import (
	"context"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// The age grows from the oldest change that Redis does not show, and is 0 only if Redis
// shows all: an alert watches it.
func TestAge(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.owner("one")
	away, cancel := context.WithCancel(t.Context())
	cancel()
	hourLater := func() {
		t.Helper()
		if p.behind.since.IsZero() {
			t.Fatal("Redis counts as complete")
		}
		p.behind.since = p.behind.since.Add(-time.Hour)
	}
	old := func(when string) {
		t.Helper()
		if age := p.Age(); age < time.Hour {
			t.Errorf("%s the age is %v, want an hour and more", when, age)
		}
	}
	none := func(when string) {
		t.Helper()
		if age := p.Age(); age != 0 {
			t.Errorf("%s the age is %v, want 0", when, age)
		}
	}
	hourLater()
	old("before the first write")
	r.sync(p)
	none("after the first write")

	p.Put([]schemas.Run{r.commit(schemas.StateExtracting)}, nil, 1)
	hourLater()
	p.Put([]schemas.Run{r.commit(schemas.StateLoading)}, nil, 2)
	old("of an older and a newer change")
	if p.writePending(away) == nil {
		t.Fatal("Redis is away and takes a write")
	}
	old("after a write that failed")
	r.sync(p)
	none("once both are written")

	if p.writePending(away) == nil {
		t.Fatal("Redis is away and answers")
	}
	hourLater()
	old("an hour after Redis went away, without a change")
	p.Put([]schemas.Run{r.commit(schemas.StateLoading)}, nil, 3)
	r.store.beforeHash = func() { p.Put([]schemas.Run{r.commit(schemas.StateSucceeded)}, nil, 4) }
	r.sync(p)
	if age := p.Age(); age == 0 || age >= time.Hour {
		t.Errorf("of a change that came during a write the age is %v", age)
	}
	r.sync(p)
	none("once that is written too")
}
