package rejects

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func (w *world) selection() Selection {
	pick := func(values ...string) string { return append(values, "", "")[w.rand.IntN(len(values)+2)] }
	s := Selection{Import: importNames[w.rand.IntN(len(importNames))]}
	s.Code, s.Column, s.Stage = pick(codeNames...), pick("EMAIL", "PHONE"), pick(schemas.StageMap)
	s.State = pick(StateOpen, StateDismissed, StateReplayed, StateReplaying)
	if w.rand.IntN(3) == 0 {
		s.Run = schemas.RunOf(s.Import, 1+w.rand.IntN(12))
	}
	if w.rand.IntN(2) == 0 {
		s.Since = epochStart.Add(time.Duration(w.rand.Int64N(int64(5 * time.Hour))))
	}
	if w.rand.IntN(2) == 0 {
		s.Until = epochStart.Add(time.Duration(w.rand.Int64N(int64(5 * time.Hour))))
	}
	if all := w.written[schemas.ControlPartition(s.Import)]; w.rand.IntN(5) == 0 && len(all) > 0 {
		for range 1 + w.rand.IntN(5) {
			s.Refs = append(s.Refs, all[w.rand.IntN(len(all))].Ref)
		}
	}
	return s
}

// want is what the selection means, from what was written.
func (w *world) want(s Selection) []Item {
	var out []Item
	for p := range int32(schemas.ControlPartitions) {
		for _, i := range w.written[p] {
			r := i.Reject
			switch known := w.known[r.Import]; {
			case i.Replay != "" && i.Replay == known.Active && !i.Again:
				i.State = StateReplaying
			case i.Replay != "" || i.Again:
				i.State = StateReplayed
			case runNumber(r.Run) <= known.Dismissed:
				i.State = StateDismissed
			default:
				i.State = StateOpen
			}
			if s.Import != "" && r.Import != s.Import || s.Run != "" && r.Run != s.Run || s.Code != "" && r.Code != s.Code || s.Column != "" && r.Column != s.Column ||
				s.Stage != "" && r.Stage != s.Stage || s.State != "" && i.State != s.State ||
				!s.Since.IsZero() && r.Time.Before(s.Since) || !s.Until.IsZero() && !r.Time.Before(s.Until) ||
				len(s.Refs) > 0 && !slices.Contains(s.Refs, i.Ref) {
				continue
			}
			out = append(out, i)
		}
	}
	return out
}

func runNumber(run string) (n int) {
	_, n, _ = schemas.ParseRunID(run)
	return n
}

// groups counts items by everything that can be counted by.
func (w *world) groups(items []Item) []Group {
	counts := map[Names]int64{}
	for _, i := range items {
		r := i.Reject
		counts[Names{r.Import, r.Run, r.Stage, r.Code, r.Column, r.Property, w.shapes[r.ID], r.Time.Format(time.DateOnly), i.State}]++
	}
	out := []Group{}
	for names, n := range counts {
		out = append(out, Group{names, n})
	}
	return sorted(out)
}

func sorted(g []Group) []Group {
	slices.SortFunc(g, func(a, b Group) int { return cmp.Compare(fmt.Sprint(a.Names), fmt.Sprint(b.Names)) })
	return g
}

// check compares every kind of answer with an independent one.
func (w *world) check(x *replica) {
	w.t.Helper()
	ctx := w.t.Context()
	all, how, err := x.CountBy(ctx, Selection{}, everyBy()...)
	if err != nil || !how.Complete || how.Share != 1 {
		w.t.Fatalf("CountBy of everything: %+v, %v", how, err)
	}
	if diff := gocmp.Diff(w.groups(w.want(Selection{})), sorted(all)); diff != "" {
		w.t.Fatalf("counts of everything (-want +got):\n%s", diff)
	}
	for range 3 {
		s := w.selection()
		want := w.want(s)
		got, how, err := x.CountBy(ctx, s, everyBy()...)
		if err != nil || !how.Complete {
			w.t.Fatalf("CountBy(%+v): %+v, %v", s, how, err)
		}
		if diff := gocmp.Diff(w.groups(want), sorted(got)); diff != "" {
			w.t.Fatalf("counts of %+v (-want +got):\n%s", s, diff)
		}
		if cut := w.start[schemas.ControlPartition(s.Import)] > 0; cut != (how.From != nil) {
			w.t.Fatalf("retention has deleted something: %v, but the answer reaches back to %v", cut, how.From)
		}
		w.checkPages(x, s, want)
		var each []Item
		if _, err := x.EachItem(ctx, s, func(i Item) error { each = append(each, i); return nil }); err != nil {
			w.t.Fatal(err)
		}
		w.same(s, want, each)
	}
}

func (w *world) checkPages(x *replica, s Selection, want []Item) {
	w.t.Helper()
	for _, oldest := range []bool{true, false} {
		var got []Item
		size := 1 + len(want)/3 + w.rand.IntN(len(want)+3)
		for beyond := int64(-1); ; {
			items, next, _, err := x.Page(w.t.Context(), s, oldest, beyond, size)
			if err != nil {
				w.t.Fatal(err)
			}
			if len(items) > size {
				w.t.Fatalf("a page of %d has %d items", size, len(items))
			}
			got = append(got, items...)
			if beyond = next; next < 0 {
				break
			}
		}
		if !oldest {
			slices.Reverse(got)
		}
		w.same(s, want, got)
	}
}

func (w *world) same(s Selection, want, got []Item) {
	w.t.Helper()
	name := func(items []Item) (out []string) {
		for _, i := range items {
			out = append(out, fmt.Sprint(i.Ref, i.Reject.ID, i.State, i.Replay, i.Again))
		}
		return out
	}
	if diff := gocmp.Diff(name(want), name(got)); diff != "" {
		w.t.Fatalf("rejects of %+v (-want +got):\n%s", s, diff)
	}
}

// agrees waits until the index counts what was written: it notices a topic that was made
// anew a moment later.
func (w *world) agrees(x *replica) {
	w.t.Helper()
	deadline := time.Now().Add(2 * time.Minute) // on a busy machine
	for {
		all, how, err := x.CountBy(w.t.Context(), Selection{}, everyBy()...)
		diff := gocmp.Diff(w.groups(w.want(Selection{})), sorted(all))
		if err == nil && how.Complete && diff == "" {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the index is %+v, %v; counts (-want +got):\n%s", how, err, diff)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// settle waits until the indexes have dropped what retention has deleted.
func (w *world) settle(replicas ...*replica) {
	w.t.Helper()
	deadline := time.Now().Add(2 * time.Minute) // on a busy machine
	for _, x := range replicas {
		for {
			all, how, err := x.CountBy(w.t.Context(), Selection{})
			if err == nil && how.Complete && how.Share == 1 && total(all) == int64(len(w.want(Selection{}))) {
				break
			}
			if err != nil && !errors.Is(err, ErrUnavailable) {
				w.t.Fatal(err)
			}
			if time.Now().After(deadline) {
				w.t.Fatalf("%d rejects, want %d (%+v, %v)", total(all), len(w.want(Selection{})), how, err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func total(g []Group) (n int64) {
	for _, group := range g {
		n += group.Count
	}
	return n
}

// everyBy is all that rejects are counted by.
func everyBy() []By {
	return []By{ByImport, ByRun, ByStage, ByCode, ByColumn, ByProperty, ByShape, ByDay, ByState}
}
