package guard

import "testing"

func TestPlacesAreEachCallers(t *testing.T) {
	t.Parallel()
	places := NewPlaces(2)
	var leaves []func()
	for range 2 {
		leave, ok := places.Take("a")
		if !ok {
			t.Fatal("a place that is free was refused")
		}
		leaves = append(leaves, leave)
	}
	if _, ok := places.Take("a"); ok {
		t.Error("a third place was given")
	}
	if _, ok := places.Take("b"); !ok {
		t.Error("another caller got no place")
	}
	leaves[0]()
	if _, ok := places.Take("a"); !ok {
		t.Error("a place that was left was refused")
	}
	leaves[1]()
	if got := len(places.taken); got != 2 {
		t.Errorf("%d callers are remembered, want the two with a request under way", got)
	}
}
