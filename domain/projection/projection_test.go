package projection_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

func run(importName string, n int, state string) schemas.Run {
	return schemas.Run{
		Run: schemas.RunID(importName, n), Import: importName, Mode: schemas.ModeFull, State: state, Attempt: 1, Epoch: 1,
		Counts: schemas.Counts{Read: int64(n) * 10}, StartedAt: time.Date(2026, 11, 24, 10, n, 0, 0, time.UTC),
		RejectsByCode: map[string]int64{}, SkippedByReason: map[string]int64{},
	}
}

func TestHashRoundTrip(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 24, 10, 0, 1, 500, time.UTC)
	full := run("customers", 7, schemas.StateSucceededWithRejects)
	full.FinishedAt = &end
	full.WatermarkFrom = "null" // a text that looks like another JSON value stays a text
	full.QueryID = `01"quoted\`
	full.RejectsByCode = map[string]int64{"date_format": 3}
	full.Waiting = &schemas.Waiting{Account: "clevertap", Since: end, Reason: "401"}
	full.Error = &schemas.RunError{Stage: "load", Code: "x", Reason: "y"}
	full.Notes = []string{"one"}
	for name, want := range map[string]schemas.Run{"full": full, "empty": run("a", 1, schemas.StateQueued)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields, err := projection.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			fields["fromANewerWriter"] = "not json"
			var got schemas.Run
			if err := projection.Decode(fields, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHashShowsPlainTexts(t *testing.T) {
	t.Parallel()
	fields, err := projection.Encode(run("customers", 7, schemas.StateLoading))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"run": "customers.7", "state": "loading", "attempt": "1", "finishedAt": "null", "waiting": "null",
		"startedAt": "2026-11-24T10:07:00Z", "rejectsByCode": "{}",
	} {
		if fields[name] != want {
			t.Errorf("%s = %q, want %q", name, fields[name], want)
		}
	}
}

func TestDecodeRefusesGarbage(t *testing.T) {
	t.Parallel()
	for _, fields := range []map[string]string{
		{"attempt": "one"}, {"counts": "{"}, {"startedAt": "yesterday"}, {"attempt": `"1"`},
	} {
		if err := projection.Decode(fields, new(schemas.Run)); err == nil {
			t.Errorf("%v was accepted", fields)
		}
	}
}

func TestRunsArePagedNewestFirst(t *testing.T) {
	t.Parallel()
	client := redistest.New(t).Client(t)
	w, r := projection.NewWriter(client), projection.NewReader(client)
	for n := 1; n <= 5; n++ {
		state := schemas.StateSucceeded
		if n%2 == 0 {
			state = schemas.StateFailed
		}
		for _, name := range []string{"a", "b"} {
			if err := w.PutRun(t.Context(), run(name, n, state)); err != nil {
				t.Fatal(err)
			}
		}
	}
	dry := run("a", 1, schemas.StateSucceeded)
	dry.Run = schemas.DryRunID("a", 1)
	if err := w.PutRun(t.Context(), dry); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		query projection.Query
		want  string
	}{
		{projection.Query{Import: "a", Dry: true, Limit: 2}, "[a.d1]"},
		{projection.Query{Dry: true, Limit: 2}, "[a.d1]"},
		{projection.Query{Import: "a", Limit: 2}, "[a.5 a.4] [a.3 a.2] [a.1]"},
		{projection.Query{Import: "a", Limit: 5}, "[a.5 a.4 a.3 a.2 a.1]"},
		{projection.Query{Import: "b", State: schemas.StateFailed, Limit: 1}, "[b.4] [b.2]"},
		{projection.Query{State: schemas.StateFailed, Limit: 10}, "[b.4 a.4 b.2 a.2]"},
		{projection.Query{Import: "none", Limit: 10}, "[]"},
	} {
		var got string
		for {
			page, err := r.Runs(t.Context(), c.query)
			if err != nil {
				t.Fatal(err)
			}
			names := []string{}
			for _, run := range page.Runs {
				names = append(names, run.Run)
			}
			got += fmt.Sprint(names)
			if page.NextToken == "" {
				break
			}
			got += " "
			c.query.Token = page.NextToken
		}
		if got != c.want {
			t.Errorf("%+v: got %s, want %s", c.query, got, c.want)
		}
	}
	if _, err := r.Runs(t.Context(), projection.Query{Limit: 1, Token: "x"}); !errors.Is(err, projection.ErrToken) {
		t.Errorf("a made-up token: got %v", err)
	}
}

func TestListings(t *testing.T) {
	t.Parallel()
	client := redistest.New(t).Client(t)
	w, r := projection.NewWriter(client), projection.NewReader(client)
	health := 0.5
	b := schemas.Listing{Import: "b", Type: "event", Status: "Ready", Schedule: "by hand", Health: &health}
	a := schemas.Listing{Import: "a", Type: "profile", Status: "Running", Schedule: "every 6h", LastRun: "a.1"}
	for _, l := range []schemas.Listing{b, a, b} {
		if err := w.PutListing(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	got, err := r.Listings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]schemas.Listing{a, b}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := w.DropListing(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if _, found, err := r.Listing(t.Context(), "a"); found || err != nil {
		t.Errorf("a dropped import: found %v, %v", found, err)
	}
	if got, found, err := r.Listing(t.Context(), "b"); !found || err != nil || got.Import != "b" {
		t.Errorf("b: %v, %v, %v", got, found, err)
	}
}

func TestWholeOnlyIfNothingWasLostBetween(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	w := projection.NewWriter(server.Client(t))
	step := func(fn func() error) {
		t.Helper()
		if err := fn(); err != nil {
			t.Fatal(err)
		}
	}
	want := func(writeID string) {
		t.Helper()
		if got, err := w.CompleteWrite(t.Context(), 2); err != nil || got != writeID {
			t.Fatalf("whole under %q, %v, want %q", got, err, writeID)
		}
	}
	want("")
	step(func() error { return w.BeginWrite(t.Context(), 2, "a") })
	want("")
	step(func() error { return w.EndWrite(t.Context(), 2, "a") })
	want("a")
	step(func() error { return w.BeginWrite(t.Context(), 2, "b") })
	want("")
	server.Flush()
	step(func() error { return w.EndWrite(t.Context(), 2, "b") })
	want("")
	step(func() error { return w.BeginWrite(t.Context(), 2, "c") })
	step(func() error { return w.EndWrite(t.Context(), 2, "c") })
	step(func() error { return w.Invalidate(t.Context(), 2) })
	want("")
}

func TestUptoIsNotSetBackByAnotherWriter(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	w := projection.NewWriter(server.Client(t))
	read := func() projection.Progress {
		t.Helper()
		u, err := w.Progress(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	advance := func(from, to projection.Progress, want bool) {
		t.Helper()
		if got, err := w.AdvanceProgress(t.Context(), 2, from, to); err != nil || got != want {
			t.Errorf("from %v to %v: %v, %v, want %v", from, to, got, err, want)
		}
	}
	if got := read(); got != (projection.Progress{}) {
		t.Fatalf("at first %v", got)
	}
	first, owner, fenced := projection.NewProgress(7, "a/1"), projection.NewProgress(12, "b/1"), projection.NewProgress(9, "a/2")
	advance(projection.Progress{}, first, true)
	seen := read()
	if seen != first || seen.Offset != 7 {
		t.Errorf("read %v, want %v", seen, first)
	}
	advance(seen, owner, true)
	advance(seen, owner, true) // once more, as after a lost answer
	advance(seen, fenced, false)
	if err := w.Invalidate(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != owner {
		t.Errorf("in the end %v, want %v", got, owner)
	}
}
